"""The demo's page that shows each block, and its proposed goals, in English, French, Portuguese.

The goals are proposals drawn from the wishes that the community wrote down at its meeting; who
would answer for them, and how much, is invented.
"""

from dataclasses import dataclass
from typing import Any

from portal.texts.site import Texts

# What stands on the page of blocks; the loader adds picture, people and documents.
SAMPLE: Texts = {
    "en": {
        "title": "What a page can hold",
        "summary": "Each block that editors set into a page, with real content.",
        "intro": (
            "<p>Editors build a page from blocks. Some hold words; others are live: they show what "
            "the ledger, the directory of people and the list of implementations hold at this "
            "moment.</p>"
        ),
        "caption": "A shelf with room left on it",
        "credit": "drawn for this site",
        "alt": "A drawing of a shelf: most boxes are there, some places are empty.",
        "quote": (
            "What works: a common code base, real deployments that made partners coordinate, "
            "community calls."
        ),
        "who": "Notes of a community meeting, in short",
        "call": "See the pools",
        "note": "<p>The foundation is a proposal. Members decide what it becomes.</p>",
        "headings": (
            "Figures of all pools, live",
            "People",
            "News",
            "Map",
            "A timeline",
            "Questions and answers",
            "A table",
            "Documents",
        ),
        "map": "Countries that run OpenLMIS, and how many systems",
        "timeline": (
            ("2014", "Tanzania, Mozambique and Zambia deploy", "<p>eLMIS, SELV and eLMIS.</p>"),
            ("2015", "Zanzibar, SIGLUS, Benin and Côte d’Ivoire follow", ""),
            ("2017", "VIMS joins partners in Tanzania; Malawi deploys", ""),
        ),
        "parts": (
            (
                "Who may take part in the calls?",
                "<p>Anyone. The calls and mailing lists of the Governance, Product and Technical "
                "committees are open.</p>",
            ),
            ("Which licence does the software have?", "<p>AGPL-3.0.</p>"),
            (
                "What does a page cost on a slow line?",
                "<p>Less than 30 kilobytes of text and style.</p>",
            ),
        ),
        "table": (
            "Systems whose coverage a source names",
            ("System", "Country", "Deployed in"),
            (
                ("eLMIS", "Tanzania", 2014),
                ("SELV", "Mozambique", 2014),
                ("SIGLUS", "Mozambique", 2015),
                ("OpenLMIS Malawi", "Malawi", 2017),
            ),
        ),
        "documents": "Facts of this site as tables",
    },
    "fr": {
        "title": "Ce qu’une page peut contenir",
        "summary": "Chaque bloc que l’on peut mettre dans une page, avec un vrai contenu.",
        "intro": (
            "<p>Une page se compose de blocs. Certains portent des mots ; d’autres sont vivants : "
            "ils montrent ce que contiennent à cet instant le grand livre, l’annuaire des personnes "
            "et la liste des mises en œuvre.</p>"
        ),
        "caption": "Un rayon où il reste de la place",
        "credit": "dessinée pour ce site",
        "alt": "Dessin d’un rayon : la plupart des boîtes sont là, quelques places sont vides.",
        "quote": (
            "Ce qui marche : une base de code commune, de vrais déploiements qui ont obligé les "
            "partenaires à se coordonner, les appels de la communauté."
        ),
        "who": "Notes d’une réunion de la communauté, en bref",
        "call": "Voir les fonds",
        "note": "<p>La fondation est une proposition. Les membres décident de ce qu’elle sera.</p>",
        "headings": (
            "Chiffres de tous les fonds, en direct",
            "Des personnes",
            "Actualités",
            "Carte",
            "Une chronologie",
            "Questions et réponses",
            "Un tableau",
            "Documents",
        ),
        "map": "Pays où tourne OpenLMIS, et nombre de systèmes",
        "timeline": (
            (
                "2014",
                "La Tanzanie, le Mozambique et la Zambie déploient",
                "<p>eLMIS, SELV et eLMIS.</p>",
            ),
            ("2015", "Zanzibar, SIGLUS, le Bénin et la Côte d’Ivoire suivent", ""),
            ("2017", "VIMS réunit les partenaires en Tanzanie ; le Malawi déploie", ""),
        ),
        "parts": (
            (
                "Qui peut participer aux appels ?",
                "<p>Tout le monde. Les appels et les listes de diffusion des comités Gouvernance, "
                "Produit et Technique sont ouverts.</p>",
            ),
            ("Quelle est la licence du logiciel ?", "<p>AGPL-3.0.</p>"),
            (
                "Que coûte une page sur une ligne lente ?",
                "<p>Moins de 30 kilo-octets de texte et de style.</p>",
            ),
        ),
        "table": (
            "Systèmes dont une source indique l’étendue",
            ("Système", "Pays", "Déployé en"),
            (
                ("eLMIS", "Tanzanie", 2014),
                ("SELV", "Mozambique", 2014),
                ("SIGLUS", "Mozambique", 2015),
                ("OpenLMIS Malawi", "Malawi", 2017),
            ),
        ),
        "documents": "Les faits de ce site sous forme de tableaux",
    },
    "pt": {
        "title": "O que uma página pode conter",
        "summary": "Cada bloco que se pode pôr numa página, com conteúdo verdadeiro.",
        "intro": (
            "<p>Uma página faz-se de blocos. Uns têm palavras; outros são vivos: mostram o que o "
            "livro, o diretório de pessoas e a lista de implementações contêm neste momento.</p>"
        ),
        "caption": "Uma prateleira com lugar de sobra",
        "credit": "desenhada para este site",
        "alt": "Desenho de uma prateleira: a maior parte das caixas está lá, há lugares vazios.",
        "quote": (
            "O que funciona: uma base de código comum, implementações reais que obrigaram os "
            "parceiros a coordenar-se, as chamadas da comunidade."
        ),
        "who": "Notas de uma reunião da comunidade, em resumo",
        "call": "Ver os fundos",
        "note": "<p>A fundação é uma proposta. Os membros decidem o que ela será.</p>",
        "headings": (
            "Números de todos os fundos, em direto",
            "Pessoas",
            "Notícias",
            "Mapa",
            "Uma cronologia",
            "Perguntas e respostas",
            "Uma tabela",
            "Documentos",
        ),
        "map": "Países que usam o OpenLMIS, e quantos sistemas",
        "timeline": (
            (
                "2014",
                "A Tanzânia, Moçambique e a Zâmbia implementam",
                "<p>eLMIS, SELV e eLMIS.</p>",
            ),
            ("2015", "Seguem-se Zanzibar, o SIGLUS, o Benim e a Costa do Marfim", ""),
            ("2017", "O VIMS une os parceiros na Tanzânia; o Maláui implementa", ""),
        ),
        "parts": (
            (
                "Quem pode participar nas chamadas?",
                "<p>Qualquer pessoa. As chamadas e as listas de correio dos comités de Governação, "
                "de Produto e Técnico são abertas.</p>",
            ),
            ("Qual é a licença do software?", "<p>AGPL-3.0.</p>"),
            (
                "Quanto custa uma página numa linha lenta?",
                "<p>Menos de 30 quilobytes de texto e estilo.</p>",
            ),
        ),
        "table": (
            "Sistemas cuja cobertura uma fonte indica",
            ("Sistema", "País", "Implementado em"),
            (
                ("eLMIS", "Tanzânia", 2014),
                ("SELV", "Moçambique", 2014),
                ("SIGLUS", "Moçambique", 2015),
                ("OpenLMIS Malawi", "Maláui", 2017),
            ),
        ),
        "documents": "Os factos deste site em tabelas",
    },
}

GOALS_PAGE: Texts = {
    "en": {
        "title": "Goals",
        "summary": "What the foundation would want to reach, soon and later, and how it would count.",
        "body": [
            (
                "text",
                "<p>The community wished for short-term goals against long-term ones. These are "
                "drawn from what it wrote down. Numbers stand where something has been counted.</p>",
            )
        ],
    },
    "fr": {
        "title": "Objectifs",
        "summary": (
            "Ce que la fondation voudrait atteindre, bientôt et plus tard, et comment elle le "
            "compterait."
        ),
        "body": [
            (
                "text",
                "<p>La communauté a souhaité des objectifs à court terme face à ceux à long terme. "
                "Ceux-ci viennent de ce qu’elle a écrit. Un nombre figure là où quelque chose a été "
                "compté.</p>",
            )
        ],
    },
    "pt": {
        "title": "Objetivos",
        "summary": (
            "O que a fundação gostaria de alcançar, em breve e mais tarde, e como o contaria."
        ),
        "body": [
            (
                "text",
                "<p>A comunidade desejou objetivos de curto prazo a par dos de longo prazo. Estes "
                "vêm do que ela escreveu. Há um número onde alguma coisa foi contada.</p>",
            )
        ],
    },
}


@dataclass(frozen=True, slots=True)
class GoalText:
    """A goal; ``counts`` says what the loader counts for it on the day the demo is loaded."""

    horizon: str
    target: int
    words: dict[str, dict[str, Any]]
    counts: str = ""


GOALS: tuple[GoalText, ...] = (
    GoalText(
        horizon="short",
        target=15,
        counts="systems_read_at_source",
        words={
            "en": {
                "title": "What runs where is known from its source",
                "measure": "Systems whose facts were read at the source, of 15 listed",
                "responsible": "Product committee (proposed)",
                "source": "The pages on implementations of this site",
            },
            "fr": {
                "title": "On sait à la source ce qui tourne et où",
                "measure": "Systèmes dont les faits ont été lus à la source, sur 15",
                "responsible": "Comité Produit (proposé)",
                "source": "Les pages de ce site sur les mises en œuvre",
            },
            "pt": {
                "title": "Sabe-se na fonte o que funciona e onde",
                "measure": "Sistemas cujos factos foram lidos na fonte, de 15",
                "responsible": "Comité de Produto (proposto)",
                "source": "As páginas deste site sobre implementações",
            },
        },
    ),
    GoalText(
        horizon="short",
        target=12,
        words={
            "en": {
                "title": "Every call can be read afterwards",
                "measure": "Monthly Governance calls with published notes, in a year",
                "responsible": "Governance committee (proposed)",
                "source": "",
            },
            "fr": {
                "title": "Chaque appel peut se lire après coup",
                "measure": "Appels mensuels de Gouvernance avec notes publiées, en un an",
                "responsible": "Comité Gouvernance (proposé)",
                "source": "",
            },
            "pt": {
                "title": "Cada chamada pode ler-se depois",
                "measure": "Chamadas mensais de Governação com notas publicadas, num ano",
                "responsible": "Comité de Governação (proposto)",
                "source": "",
            },
        },
    ),
    GoalText(
        horizon="long",
        target=12,
        words={
            "en": {
                "title": "The countries that run OpenLMIS sit at the table",
                "measure": "Ministries of health of the 12 listed countries among the members",
                "responsible": "Governance committee (proposed)",
                "source": "",
            },
            "fr": {
                "title": "Les pays qui utilisent OpenLMIS siègent à la table",
                "measure": "Ministères de la Santé des 12 pays listés parmi les membres",
                "responsible": "Comité Gouvernance (proposé)",
                "source": "",
            },
            "pt": {
                "title": "Os países que usam o OpenLMIS sentam-se à mesa",
                "measure": "Ministérios da Saúde dos 12 países listados entre os membros",
                "responsible": "Comité de Governação (proposto)",
                "source": "",
            },
        },
    ),
    GoalText(
        horizon="long",
        target=14,
        counts="communities_with_a_person",
        words={
            "en": {
                "title": "Sister communities know whom to ask",
                "measure": "Communities whose page names a person who links us, of 14 listed",
                "responsible": "Technical committee (proposed)",
                "source": "The pages on communities of this site (the people are invented)",
            },
            "fr": {
                "title": "Les communautés sœurs savent à qui s’adresser",
                "measure": "Communautés dont la page nomme une personne qui nous relie, sur 14",
                "responsible": "Comité Technique (proposé)",
                "source": "Les pages de ce site sur les communautés (personnes inventées)",
            },
            "pt": {
                "title": "As comunidades irmãs sabem a quem perguntar",
                "measure": "Comunidades cuja página nomeia uma pessoa que nos liga, de 14",
                "responsible": "Comité Técnico (proposto)",
                "source": "As páginas deste site sobre comunidades (pessoas inventadas)",
            },
        },
    ),
)

# Which invented evangelist links which community, and how.
LINKS: dict[str, tuple[str, str]] = {
    "openhie": ("leila-haddad", "Speaks for the LMIS in calls on shared registries"),
    "dhis2": ("samuel-okoro", "Answers questions on stock indicators in DHIS2"),
    "odk": ("eunice-mwale", "Trains counts of stock by form where no client runs"),
}
