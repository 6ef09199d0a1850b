"""Agreements of the demo beside the code of conduct: proposals, in English, French and Portuguese.

A foundation that is set up for real writes its own. The demo shows what versions look like: the
code of conduct has an earlier draft, and the decision policy a version that is not in force yet.
"""

import datetime
from dataclasses import dataclass

from django.utils import timezone

from core.transactions import use_case
from membership import agreements, seeds
from membership.models import Agreement, AgreementVersion

BEGIN = seeds.VALID_FROM
DRAFTED = datetime.date(2025, 10, 1)
# How far ahead the decision policy's next version comes into force.
AHEAD = datetime.timedelta(days=60)


@dataclass(frozen=True, slots=True)
class AgreementSeed:
    code: str
    names: tuple[str, str, str]  # English, French, Portuguese
    texts: tuple[str, str, str]
    position: int


CHARTER = AgreementSeed(
    code="charter",
    names=("Charter", "Charte", "Carta"),
    position=5,
    texts=(
        """\
This charter is a proposal to the founding members of the OpenLMIS Foundation.

1. Purpose. The foundation keeps OpenLMIS free, maintained and useful for the ministries that run \
it, and cares for the people who depend on it.

2. Members. Legal bodies join, not persons. Each belongs to one constituency: countries, \
implementers, donors, technical organisations, communities.

3. Votes. Each member has one vote in its constituency, and each constituency counts the same. \
Dues and gifts buy no votes.

4. Board. Each constituency elects two members of the board for two years. Nobody serves more than \
three terms in a row.

5. Money. Money is kept in pools with one purpose each. Every entry is public. Paying out needs \
two people, neither of whom asked for it.

6. Change. Members change this charter by two thirds of the votes cast in each of at least three \
constituencies, after 30 days of public discussion.
""",
        """\
Cette charte est une proposition aux membres fondateurs de la Fondation OpenLMIS. Le texte anglais \
fait foi.

1. But. La fondation garde OpenLMIS libre, entretenu et utile aux ministères qui s’en servent, et \
prend soin des personnes qui en dépendent.

2. Membres. Ce sont des personnes morales qui adhèrent. Chacune appartient à un collège : pays, \
intégrateurs, donateurs, organisations techniques, communautés.

3. Voix. Chaque membre a une voix dans son collège, et chaque collège compte autant. Ni les \
cotisations ni les dons n’achètent de voix.

4. Conseil. Chaque collège élit deux membres du conseil pour deux ans. Personne ne fait plus de \
trois mandats de suite.

5. Argent. L’argent est gardé dans des fonds qui ont chacun un seul but. Chaque écriture est \
publique. Un paiement demande deux personnes, dont aucune ne l’a demandé.

6. Modification. Les membres modifient cette charte aux deux tiers des voix exprimées dans trois \
collèges au moins, après 30 jours de discussion publique.
""",
        """\
Esta carta é uma proposta aos membros fundadores da Fundação OpenLMIS. O texto inglês é o que faz \
fé.

1. Fim. A fundação mantém o OpenLMIS livre, cuidado e útil para os ministérios que o usam, e cuida \
das pessoas que dele dependem.

2. Membros. Aderem pessoas coletivas, não indivíduos. Cada uma pertence a um círculo: países, \
implementadores, doadores, organizações técnicas, comunidades.

3. Votos. Cada membro tem um voto no seu círculo, e cada círculo conta o mesmo. Nem quotas nem \
donativos compram votos.

4. Conselho. Cada círculo elege dois membros do conselho por dois anos. Ninguém serve mais de três \
mandatos seguidos.

5. Dinheiro. O dinheiro guarda-se em fundos com um só fim cada. Cada lançamento é público. Pagar \
exige duas pessoas, e nenhuma delas o pediu.

6. Alteração. Os membros alteram esta carta por dois terços dos votos expressos em pelo menos três \
círculos, depois de 30 dias de debate público.
""",
    ),
)

CONTRIBUTION = AgreementSeed(
    code="contribution-policy",
    names=("Contribution policy", "Politique de contribution", "Política de contribuição"),
    position=20,
    texts=(
        """\
This policy is a proposal. It holds for code, documentation, translations and designs that are \
made for the common software.

1. Licence. What is contributed is published under the licence of the repository it goes to. \
Whoever contributes keeps their copyright and states that they may give it.

2. Review. Every change is read by somebody who did not write it. A reviewer answers within five \
working days, if only to say when.

3. Country needs. A change that one country needs is welcome when others can leave it switched off.

4. Upkeep. Who adds a large part names who looks after it in the next year.

5. Credit. Releases name everybody who contributed, translators and testers too, unless they \
prefer not to be named.
""",
        """\
Cette politique est une proposition. Elle vaut pour le code, la documentation, les traductions et \
les dessins faits pour le logiciel commun. Le texte anglais fait foi.

1. Licence. Ce qui est donné est publié sous la licence du dépôt qui le reçoit. Qui contribue garde \
ses droits d’auteur et déclare pouvoir les concéder.

2. Relecture. Chaque changement est lu par quelqu’un qui ne l’a pas écrit. Qui relit répond en cinq \
jours ouvrables, ne serait-ce que pour dire quand.

3. Besoins d’un pays. Un changement dont un pays a besoin est bienvenu si les autres peuvent ne pas \
l’activer.

4. Entretien. Qui ajoute une grande partie dit qui s’en occupe l’année suivante.

5. Mention. Chaque version nomme toutes les personnes qui ont contribué, y compris pour traduire et \
tester, sauf si elles préfèrent ne pas l’être.
""",
        """\
Esta política é uma proposta. Vale para código, documentação, traduções e desenhos feitos para o \
software comum. O texto inglês é o que faz fé.

1. Licença. O que se contribui é publicado com a licença do repositório que o recebe. Quem \
contribui mantém os seus direitos de autor e declara que os pode ceder.

2. Revisão. Cada alteração é lida por alguém que não a escreveu. Quem revê responde em cinco dias \
úteis, nem que seja para dizer quando.

3. Necessidades de um país. Uma alteração de que um país precisa é bem-vinda se os outros a puderem \
deixar desligada.

4. Manutenção. Quem acrescenta uma parte grande diz quem cuida dela no ano seguinte.

5. Menção. Cada versão nomeia todas as pessoas que contribuíram, também a traduzir e a testar, \
salvo se preferirem não ser nomeadas.
""",
    ),
)

DECISION = AgreementSeed(
    code="decision-policy",
    names=("Decision policy", "Politique de décision", "Política de decisão"),
    position=30,
    texts=(
        """\
This policy is a proposal. It says how the foundation and its committees decide.

1. Announced. What is to be decided is published ten days before, with who decides and until when \
one can answer.

2. Consensus first. A committee looks for a solution that nobody objects to with reasons. Where \
there is none, it votes.

3. Votes. A committee decides by the majority of its members. Each member organisation has one \
vote, whatever it pays.

4. Interests. Who gains from a decision says so and takes no part in it.

5. Written down. Every decision is published within seven days, with its reasons and the votes.
""",
        """\
Cette politique est une proposition. Elle dit comment la fondation et ses comités décident. Le \
texte anglais fait foi.

1. Annonce. Ce qui est à décider est publié dix jours avant, avec qui décide et jusqu’à quand on \
peut répondre.

2. Consensus d’abord. Un comité cherche une solution à laquelle personne ne s’oppose avec des \
raisons. S’il n’y en a pas, il vote.

3. Vote. Un comité décide à la majorité de ses membres. Chaque organisation membre a une voix, quoi \
qu’elle paie.

4. Intérêts. Qui gagne à une décision le dit et n’y prend pas part.

5. Par écrit. Chaque décision est publiée dans les sept jours, avec ses raisons et les voix.
""",
        """\
Esta política é uma proposta. Diz como a fundação e os seus comités decidem. O texto inglês é o que \
faz fé.

1. Anúncio. O que se vai decidir é publicado dez dias antes, com quem decide e até quando se pode \
responder.

2. Primeiro o consenso. Um comité procura uma solução a que ninguém se oponha com razões. Se não \
houver, vota.

3. Votos. Um comité decide pela maioria dos seus membros. Cada organização membro tem um voto, pague \
o que pagar.

4. Interesses. Quem ganha com uma decisão di-lo e não participa nela.

5. Por escrito. Cada decisão é publicada em sete dias, com as razões e os votos.
""",
    ),
)

SEEDS = (CHARTER, CONTRIBUTION, DECISION)

# What the next version of the decision policy says otherwise, by language.
_NEXT = (
    (
        ("ten days before", "fourteen days before"),
        ("within seven days, with its reasons and the votes.", "within seven days."),
        (
            "takes no part in it.\n",
            "takes no part in it. The minutes say who stepped aside.\n\n"
            "5. On a slow line. A member may answer by e-mail, and that answer counts as a vote.\n",
        ),
        ("5. Written down", "6. Written down"),
    ),
    (
        ("dix jours avant", "quatorze jours avant"),
        ("dans les sept jours, avec ses raisons et les voix.", "dans les sept jours."),
        (
            "n’y prend pas part.\n",
            "n’y prend pas part. Le compte rendu dit qui s’est retiré.\n\n"
            "5. Sur une ligne lente. Un membre peut répondre par e-mail, et cela compte comme une "
            "voix.\n",
        ),
        ("5. Par écrit", "6. Par écrit"),
    ),
    (
        ("dez dias antes", "catorze dias antes"),
        ("em sete dias, com as razões e os votos.", "em sete dias."),
        (
            "não participa nela.\n",
            "não participa nela. A ata diz quem se afastou.\n\n"
            "5. Numa linha lenta. Um membro pode responder por e-mail, e isso conta como voto.\n",
        ),
        ("5. Por escrito", "6. Por escrito"),
    ),
)

# What the earlier draft of the code of conduct said otherwise.
_EARLIER_CONDUCT = (
    (
        ("We treat people as colleagues, whatever their", "We respect each other, whatever our"),
        (
            "\n6. Care with money. We use common money for what it was given for, and we keep the "
            "papers that show it.\n",
            "",
        ),
        ("\n7. When something", "\n6. When something"),
        ("answers within 14 days", "answers within 30 days"),
    ),
    (
        (
            "Nous traitons chacun en collègue, quels que soient son",
            "Nous nous respectons, quels que soient notre",
        ),
        (
            "\n6. Soin de l’argent. L’argent commun sert à ce pour quoi il a été donné, et nous "
            "gardons les pièces qui le montrent.\n",
            "",
        ),
        ("\n7. Quand quelque chose", "\n6. Quand quelque chose"),
        ("dans les 14 jours", "dans les 30 jours"),
    ),
    (
        (
            "Tratamos cada pessoa como colega, seja qual for o seu",
            "Respeitamo-nos, seja qual for o nosso",
        ),
        (
            "\n6. Cuidado com o dinheiro. O dinheiro comum serve para aquilo para que foi dado, e "
            "guardamos os documentos que o mostram.\n",
            "",
        ),
        ("\n7. Quando algo corre mal", "\n6. Quando algo corre mal"),
        ("em 14 dias", "em 30 dias"),
    ),
)
_DRAFT = (
    "Earlier draft, kept by the demonstration to show what a change looks like.\n\n",
    "Ancien projet, gardé par la démonstration pour montrer à quoi ressemble un changement.\n\n",
    "Projeto anterior, guardado pela demonstração para mostrar como se vê uma alteração.\n\n",
)


def load() -> None:
    """Publish the demo's agreements and versions that are not there yet."""
    for seed in SEEDS:
        with use_case():
            agreement, _made = Agreement.objects.get_or_create(
                code=seed.code,
                defaults={
                    "name": seed.names[0],
                    "name_fr": seed.names[1],
                    "name_pt": seed.names[2],
                    "required": False,
                    "position": seed.position,
                },
            )
        _publish(agreement, "1.0", seed.texts, BEGIN)
    decision = Agreement.objects.get(code=DECISION.code)
    _publish(decision, "1.1", _said(DECISION.texts, _NEXT), timezone.localdate() + AHEAD)
    conduct = Agreement.objects.get(code="code-of-conduct")
    texts = (seeds.CODE_OF_CONDUCT, seeds.CODE_OF_CONDUCT_FR, seeds.CODE_OF_CONDUCT_PT)
    earlier = _said(texts, _EARLIER_CONDUCT)
    drafts = tuple(mark + text for mark, text in zip(_DRAFT, earlier, strict=True))
    _publish(conduct, "0.9-draft", drafts, DRAFTED)


def _publish(
    agreement: Agreement, label: str, texts: tuple[str, ...], effective_from: datetime.date
) -> None:
    with use_case():
        version, _made = AgreementVersion.objects.get_or_create(
            agreement=agreement,
            label=label,
            defaults={
                "text": texts[0],
                "text_fr": texts[1],
                "text_pt": texts[2],
                "effective_from": effective_from,
            },
        )
    if version.published_at is None:
        agreements.publish(version, by=None)


def _said(
    texts: tuple[str, ...], changes: tuple[tuple[tuple[str, str], ...], ...]
) -> tuple[str, ...]:
    """``texts`` with the changes of their language; raises ValueError for words that are not in."""
    found = []
    for text, pairs in zip(texts, changes, strict=True):
        for old, new in pairs:
            if old not in text:
                raise ValueError(f"The text does not say {old!r}.")
            text = text.replace(old, new)
        found.append(text)
    return tuple(found)
