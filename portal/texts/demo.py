"""The demo's words: communities and countries (facts of data/*.csv), news, people, pools.

People are invented and marked as such; no real organisation appears as member or donor.
"""

from dataclasses import dataclass, field
from typing import Any

# What the foundation says of each row of data/communities.csv: a summary and a paragraph.
COMMUNITIES: dict[str, tuple[str, str]] = {
    "openlmis": (
        "The software this foundation stewards: orders, stock and supply, from national store to "
        "clinic.",
        "<p>Ministries use OpenLMIS to see stock, to order and to plan the supply of health "
        "commodities. Its reference distribution gathers the parts that make one running "
        "system.</p>",
    ),
    "openhie": (
        "OpenHIE describes how the information systems of a country’s health sector talk to each "
        "other.",
        "<p>In that architecture the LMIS has a place of its own. Both communities share an "
        "interest in registries: one list of facilities and one list of products that every system "
        "of a country agrees on.</p>",
    ),
    "openmrs": (
        "OpenMRS keeps the records of patients where care is given.",
        "<p>What a clinic gives to its patients is what it has to order again. Consumption recorded "
        "at the point of care can feed the demand that OpenLMIS plans for.</p>",
    ),
    "dhis2": (
        "DHIS2 gathers and reports the health data of districts and countries.",
        "<p>Stock levels and reporting rates belong in the national picture. Public repositories "
        "hold an integration of OpenLMIS and DHIS2 made for Malawi.</p>",
    ),
    "ihris": (
        "iHRIS records the health workforce: who works where, and as what.",
        "<p>A system of supply needs to know who works at which facility: who may order, and who "
        "supervises.</p>",
    ),
    "odk": (
        "ODK collects data with forms on a phone, also without a network.",
        "<p>Where no client of an LMIS runs, a form on a phone can count the stock. Field surveys "
        "use it too.</p>",
    ),
    "motech": (
        "MOTECH connects mobile messages with other systems.",
        "<p>A public module joins MOTECH to OpenLMIS, so that messages and supply can meet.</p>",
    ),
    "commcare": (
        "CommCare supports frontline workers with applications for following their cases.",
        "<p>Community health workers hold stock as well. CommCare Supply shows how their stock can "
        "flow into the LMIS of a country.</p>",
    ),
    "openelis": (
        "OpenELIS Global runs laboratories: samples, tests and results.",
        "<p>Laboratories use reagents and other commodities. What they use is a demand that supply "
        "has to see.</p>",
    ),
    "opensrp": (
        "OpenSRP is a platform for frontline health workers, built on the FHIR standard.",
        "<p>A public module named opensrp-server-openlmis links it with OpenLMIS.</p>",
    ),
    "rapidpro": (
        "RapidPro builds conversations over SMS and chat.",
        "<p>A clinic without a computer can still report that a shelf is empty. Answers and alerts "
        "by SMS are also a way for countries to be heard.</p>",
    ),
    "resource-map": (
        "Resource Map keeps facilities and other resources on a map.",
        "<p>Supply needs to know which facilities exist and where they are.</p>",
    ),
    "ivr": (
        "Interactive voice response lets people answer by telephone, with voice menus.",
        "<p>It reaches people who cannot use text or have no smartphone. Verboice is one "
        "open-source system of this kind.</p>",
    ),
    "vims": (
        "VIMS is the vaccine logistics system of Tanzania, built on OpenLMIS.",
        "<p>Several partners worked on it together. The community names it as an example of a real "
        "deployment that made partners coordinate.</p>",
    ),
}

# One sentence a country; the systems come from data/implementations.csv.
COUNTRIES: dict[str, str] = {
    "TZ": "Tanzania runs a national eLMIS, a system for vaccines, and a system for Zanzibar.",
    "MZ": (
        "Mozambique runs two systems. Its pages tell of GPRS modems and of data entered without a "
        "network."
    ),
    "MW": "Malawi runs OpenLMIS in the whole country, in more than 650 facilities.",
    "ZM": "Zambia runs an electronic LMIS as a national programme.",
    "BJ": "In Benin the system reached about one third of the health zones in 2016.",
    "CI": "Public slides of 2017 name Côte d’Ivoire as a country with OpenLMIS since 2015.",
    "GN": "Public slides of 2017 announce OpenLMIS in Guinea for that year.",
    "AO": "Public code repositories show work for Angola. More is not known to us.",
    "CD": (
        "Public code repositories show work for the Democratic Republic of the Congo. More is not "
        "known to us."
    ),
    "SZ": "A public code repository shows work for Eswatini. More is not known to us.",
    "GM": "A public code repository shows work for the Gambia. More is not known to us.",
    "CM": "A public code repository shows work for Cameroon. More is not known to us.",
}


@dataclass(frozen=True, slots=True)
class News:
    """A piece of news; ``days_ago`` counts back from the day the demo was loaded.

    ``by``: key of the account that wrote it. ``topics``: addresses of portal/texts/topics.py;
    ``countries``: codes; ``pools``: codes; ``communities``: addresses of their pages;
    ``evangelists``: addresses of their profiles, as authors beside ``by``.
    """

    slug: str
    days_ago: int
    by: str
    words: dict[str, dict[str, Any]] = field(default_factory=dict)
    topics: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    evangelists: tuple[str, ...] = ()


NEWS: tuple[News, ...] = (
    News(
        slug="every-figure-can-be-opened",
        days_ago=2,
        by="staff",
        topics=("open-books", "this-site"),
        pools=("core-software",),
        words={
            "en": {
                "title": "Every figure on this site can be opened",
                "summary": (
                    "Each amount on a pool’s page leads to the entries of the ledger that make it. "
                    "Here is how to check one yourself."
                ),
                "body": [
                    (
                        "text",
                        "<p>A public number that nobody can check is a promise, not a fact. So each "
                        "amount on a pool’s page is a link. It leads to the entries behind it, and "
                        "their sum is the amount you came from.</p>"
                        "<h2>Check one</h2>"
                        "<ol><li>Open a pool and choose the figure “Received”.</li>"
                        "<li>Read the entries: each has a number, a date and two or more postings "
                        "that add up to zero.</li>"
                        "<li>Download the entries as a table and add them up with a program of your "
                        "own.</li></ol>"
                        "<p>Entries are never changed. A mistake is mended by a second entry that "
                        "names the first, and both stay.</p>",
                    ),
                    ("call", {"label": "See the pools", "page": None, "address": "/pools/"}),
                ],
            },
            "fr": {
                "title": "Chaque chiffre de ce site peut être ouvert",
                "summary": (
                    "Chaque montant de la page d’un fonds mène aux écritures du grand livre qui le "
                    "composent. Voici comment en vérifier un."
                ),
                "body": [
                    (
                        "text",
                        "<p>Un chiffre public que personne ne peut vérifier est une promesse, pas "
                        "un fait. Chaque montant de la page d’un fonds est donc un lien. Il mène "
                        "aux écritures qui le composent, et leur somme est le montant d’où vous "
                        "venez.</p>"
                        "<h2>Vérifiez-en un</h2>"
                        "<ol><li>Ouvrez un fonds et choisissez le chiffre « Reçu ».</li>"
                        "<li>Lisez les écritures : chacune a un numéro, une date et au moins deux "
                        "lignes dont la somme est zéro.</li>"
                        "<li>Téléchargez les écritures et additionnez-les avec votre propre "
                        "programme.</li></ol>"
                        "<p>Les écritures ne changent jamais. Une erreur se corrige par une seconde "
                        "écriture qui nomme la première, et les deux restent.</p>",
                    ),
                    ("call", {"label": "Voir les fonds", "page": None, "address": "/fr/pools/"}),
                ],
            },
            "pt": {
                "title": "Cada número deste site pode ser aberto",
                "summary": (
                    "Cada valor na página de um fundo leva aos lançamentos do livro que o formam. "
                    "Veja como verificar um."
                ),
                "body": [
                    (
                        "text",
                        "<p>Um número público que ninguém pode verificar é uma promessa, não um "
                        "facto. Por isso cada valor na página de um fundo é uma ligação. Leva aos "
                        "lançamentos que o formam, e a soma deles é o valor de onde veio.</p>"
                        "<h2>Verifique um</h2>"
                        "<ol><li>Abra um fundo e escolha o número “Recebido”.</li>"
                        "<li>Leia os lançamentos: cada um tem um número, uma data e pelo menos duas "
                        "linhas cuja soma é zero.</li>"
                        "<li>Descarregue os lançamentos e some-os com um programa seu.</li></ol>"
                        "<p>Os lançamentos nunca mudam. Um erro corrige-se com um segundo "
                        "lançamento que nomeia o primeiro, e ambos ficam.</p>",
                    ),
                    ("call", {"label": "Ver os fundos", "page": None, "address": "/pt/pools/"}),
                ],
            },
        },
    ),
    News(
        slug="ministries-join-for-nothing",
        days_ago=9,
        by="staff",
        topics=("membership", "countries"),
        words={
            "en": {
                "title": "Ministries of low-income countries join for nothing",
                "summary": (
                    "Dues follow the income group of a country. Where that group is “low”, a "
                    "ministry pays none and has every right of a member."
                ),
                "body": [
                    (
                        "text",
                        "<p>The community has said it plainly: partners need funding to take part, "
                        "and ministries are heard too little. A fee would make both worse.</p>"
                        "<p>So dues follow the income group that the World Bank gives a country. A "
                        "ministry of a low-income country pays nothing. It signs the same "
                        "agreements, takes the same seat and has the same vote.</p>"
                        "<p>The group of each country, and the year it holds for, is kept as data "
                        "that staff can correct. What was billed once does not change when the list "
                        "does.</p>",
                    ),
                    ("call", {"label": "How to join", "page": None, "address": "/join/"}),
                ],
            },
            "fr": {
                "title": "Les ministères des pays à faible revenu adhèrent gratuitement",
                "summary": (
                    "La cotisation suit le groupe de revenu du pays. Dans le groupe « faible », un "
                    "ministère ne paie rien et a tous les droits d’un membre."
                ),
                "body": [
                    (
                        "text",
                        "<p>La communauté l’a dit clairement : les partenaires ont besoin d’argent "
                        "pour participer, et les ministères sont trop peu entendus. Une cotisation "
                        "aggraverait les deux.</p>"
                        "<p>La cotisation suit donc le groupe de revenu que la Banque mondiale "
                        "donne à un pays. Le ministère d’un pays à faible revenu ne paie rien. Il "
                        "signe les mêmes accords, prend le même siège et a la même voix.</p>"
                        "<p>Le groupe de chaque pays, et l’année pour laquelle il vaut, sont des "
                        "données que l’équipe peut corriger. Ce qui a été facturé une fois ne "
                        "change pas quand la liste change.</p>",
                    ),
                    ("call", {"label": "Comment adhérer", "page": None, "address": "/fr/join/"}),
                ],
            },
            "pt": {
                "title": "Os ministérios de países de baixo rendimento aderem sem pagar",
                "summary": (
                    "A quota segue o grupo de rendimento do país. No grupo “baixo”, um ministério "
                    "não paga nada e tem todos os direitos de um membro."
                ),
                "body": [
                    (
                        "text",
                        "<p>A comunidade disse-o claramente: os parceiros precisam de dinheiro "
                        "para participar, e os ministérios são pouco ouvidos. Uma quota agravaria "
                        "as duas coisas.</p>"
                        "<p>Por isso a quota segue o grupo de rendimento que o Banco Mundial dá a "
                        "um país. O ministério de um país de baixo rendimento não paga nada. "
                        "Assina os mesmos acordos, ocupa o mesmo lugar e tem o mesmo voto.</p>"
                        "<p>O grupo de cada país, e o ano para que vale, são dados que a equipa "
                        "pode corrigir. O que foi faturado uma vez não muda quando a lista "
                        "muda.</p>",
                    ),
                    ("call", {"label": "Como aderir", "page": None, "address": "/pt/join/"}),
                ],
            },
        },
    ),
    News(
        slug="evangelists-wanted",
        days_ago=16,
        by="editor",
        topics=("evangelists",),
        evangelists=("eunice-mwale",),
        words={
            "en": {
                "title": "Evangelists wanted: at donors, at the keyboard, in the country",
                "summary": (
                    "The community wished for people who explain OpenLMIS at three levels. Profiles "
                    "are open, and each person writes their own."
                ),
                "body": [
                    (
                        "text",
                        "<p>A meeting of the community asked for evangelists at three levels. Those "
                        "who explain to donors why shared code is worth paying for. Those who "
                        "explain to engineers how the parts fit. Those who stand beside a ministry "
                        "when it decides.</p>"
                        "<p>Each evangelist writes their own profile in the account area: where "
                        "they work, in which languages, on which topics, and when they have time. "
                        "Staff read each change before it is public.</p>"
                        "<p>The people shown in this demonstration are invented.</p>",
                    ),
                    (
                        "call",
                        {
                            "label": "Meet the evangelists",
                            "page": None,
                            "address": "/evangelists/",
                        },
                    ),
                ],
            }
        },
    ),
    News(
        slug="what-we-know-about-implementations",
        days_ago=23,
        by="editor",
        topics=("countries",),
        countries=("MW", "MZ", "TZ"),
        communities=("openlmis",),
        words={
            "en": {
                "title": "Twelve countries, and how sure we are of each",
                "summary": (
                    "The list of implementations now says where each fact was read. Five rows rest "
                    "on public code alone."
                ),
                "body": [
                    (
                        "text",
                        "<p>Who runs OpenLMIS, since when, and how far it reaches: answers are "
                        "scattered over project pages, slides and repositories. We gathered what is "
                        "public and wrote the source beside every row.</p>"
                        "<p>Some rows are well known: Malawi, Mozambique and Tanzania have pages of "
                        "their own at openlmis.org. Some come from slides of 2016 and 2017. Five "
                        "rest on a public code repository and nothing else, and the list says "
                        "so.</p>"
                        "<p>A ministry knows better than any list. If a row is wrong, tell us: the "
                        "page will name you as its source.</p>",
                    ),
                    (
                        "call",
                        {
                            "label": "See the implementations",
                            "page": None,
                            "address": "/implementations/",
                        },
                    ),
                ],
            }
        },
    ),
    News(
        slug="pages-for-slow-lines",
        days_ago=37,
        by="staff",
        topics=("this-site",),
        countries=("MZ",),
        words={
            "en": {
                "title": "Made for a slow line: a page costs kilobytes",
                "summary": (
                    "No public page loads a script, and none may weigh more than 30 KB before its "
                    "pictures. A test holds that."
                ),
                "body": [
                    (
                        "text",
                        "<p>Pages about Mozambique describe GPRS modems and links that come and "
                        "go. The people behind those modems are the reason for OpenLMIS, so they "
                        "are the readers we build for.</p>"
                        "<p>Text and layout of every public page together stay under 30 KB. There "
                        "is no script to load, nothing that follows the reader, and no letter type "
                        "to fetch. Pictures come last and only when they are looked at.</p>"
                        "<p>Forms work the same way: what was typed is kept when something is "
                        "missing, and a second press of the button does nothing twice.</p>",
                    )
                ],
            }
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Person:
    """An invented evangelist; ``account`` is the key of a demo account that may edit the page."""

    slug: str
    level: str
    countries: tuple[str, ...]
    languages: tuple[str, ...]
    words: dict[str, dict[str, Any]]
    account: str = ""


PEOPLE: tuple[Person, ...] = (
    Person(
        slug="eunice-mwale",
        level="country",
        countries=("MW", "ZM"),
        languages=("en", "ny"),
        account="evangelist",
        words={
            "en": {
                "title": "Eunice Mwale",
                "summary": "Trains store managers and sits with districts when reports do not add up.",
                "topics": [
                    "Training of store managers",
                    "Reporting rates",
                    "Working without a network",
                ],
                "availability": "Two days a month in the country; talks online in the evening.",
                "bio": (
                    "I kept a district store for six years before I trained others to keep theirs. "
                    "I know what a stock card looks like when the rain came through the roof.\n\n"
                    "Ask me how to begin with a district, what to train first, and what to leave "
                    "for later."
                ),
            }
        },
    ),
    Person(
        slug="ricardo-tembe",
        level="country",
        countries=("MZ", "AO"),
        languages=("pt", "en"),
        words={
            "en": {
                "title": "Ricardo Tembe",
                "summary": "Helps provinces to enter data where the line comes and goes.",
                "topics": ["Provincial roll-out", "Offline data entry", "Portuguese materials"],
                "availability": "Talks online on Fridays; travel with two months’ notice.",
                "bio": (
                    "I work with provincial teams that enter their data at night, when the line is "
                    "better.\n\nAsk me about roll-out in provinces, about modems, and about what "
                    "people do when the system says no."
                ),
            },
            "pt": {
                "title": "Ricardo Tembe",
                "summary": "Ajuda as províncias a introduzir dados onde a ligação vai e vem.",
                "topics": ["Expansão nas províncias", "Dados sem rede", "Materiais em português"],
                "availability": "Palestras em linha às sextas; viagens com dois meses de aviso.",
                "bio": (
                    "Trabalho com equipas provinciais que introduzem os dados à noite, quando a "
                    "ligação é melhor.\n\nPergunte-me sobre a expansão nas províncias, sobre modems "
                    "e sobre o que as pessoas fazem quando o sistema diz que não."
                ),
            },
        },
    ),
    Person(
        slug="leila-haddad",
        level="technical",
        countries=("CI", "BJ"),
        languages=("fr", "en", "ar"),
        words={
            "en": {
                "title": "Leila Haddad",
                "summary": "Connects OpenLMIS with registries and national reporting.",
                "topics": ["Interfaces", "Product and facility registries", "Moving data"],
                "availability": "One working day a month for questions of ministries.",
                "bio": (
                    "I have joined systems of supply to systems of reporting, and I have taken some "
                    "of these joints apart again.\n\nAsk me what to connect first, and which "
                    "connection will cost you more than it gives."
                ),
            },
            "fr": {
                "title": "Leila Haddad",
                "summary": "Relie OpenLMIS aux registres et au système national d’information.",
                "topics": ["Interfaces", "Registres de produits et de sites", "Migration"],
                "availability": "Un jour de travail par mois pour les questions des ministères.",
                "bio": (
                    "J’ai relié des systèmes d’approvisionnement à des systèmes d’information, et "
                    "j’ai aussi défait quelques-uns de ces liens.\n\nDemandez-moi par où commencer, "
                    "et quel lien vous coûtera plus qu’il ne rapporte."
                ),
            },
        },
    ),
    Person(
        slug="samuel-okoro",
        level="technical",
        countries=("TZ", "ZM"),
        languages=("en", "sw"),
        words={
            "en": {
                "title": "Samuel Okoro",
                "summary": "Explains the code base to teams that must keep it running.",
                "topics": ["Running OpenLMIS", "Upgrades", "Contributing code"],
                "availability": "Reviews online every week; workshops twice a year.",
                "bio": (
                    "I keep servers that nobody thanks until they stop.\n\nAsk me about upgrades "
                    "that do not lose a night’s orders, and about giving a change back instead of "
                    "carrying it alone."
                ),
            }
        },
    ),
    Person(
        slug="ingrid-solheim",
        level="donor",
        countries=("NO",),
        languages=("en", "fr"),
        words={
            "en": {
                "title": "Ingrid Solheim",
                "summary": "Tells donors why shared code is worth paying for, and what it costs.",
                "topics": ["Pooled funding", "Shared goods", "Reporting to donors"],
                "availability": "Meetings with donors in Europe, most weeks.",
                "bio": (
                    "I have written reports that nobody read and budgets that did not add up. I "
                    "prefer a ledger that anyone can open.\n\nAsk me how to argue for a pool, and "
                    "how to keep it from belonging to its largest giver."
                ),
            }
        },
    ),
    Person(
        slug="marta-ribeiro",
        level="country",
        countries=("MZ",),
        languages=("pt", "en"),
        words={
            "en": {
                "title": "Marta Ribeiro",
                "summary": "Trained the trainers of twenty districts; an alumna since.",
                "topics": ["Training of trainers", "District roll-out"],
                "availability": "",
                "bio": (
                    "For three years I trained those who train others. I have another post now, "
                    "and younger colleagues do it better."
                ),
            },
            "pt": {
                "title": "Marta Ribeiro",
                "summary": "Formou os formadores de vinte distritos; hoje é antiga embaixadora.",
                "topics": ["Formação de formadores", "Expansão nos distritos"],
                "availability": "",
                "bio": (
                    "Durante três anos formei quem forma outros. Tenho agora outro cargo, e "
                    "colegas mais novos fazem-no melhor."
                ),
            },
        },
    ),
)

# Pages of the pools by code; the figures are never written here.
POOLS: dict[str, dict[str, dict[str, Any]]] = {
    "core-software": {
        "en": {
            "title": "Core software",
            "summary": "Releases, security and the common code base that every country runs on.",
            "story": [
                (
                    "text",
                    "<p>Every implementation stands on the same code. Somebody has to mend it when "
                    "a hole is found, bring it to new versions of what it is built on, and read "
                    "what others contribute. No single country can be asked to pay for that.</p>"
                    "<p>This pool pays for releases, for security work and for the review of "
                    "contributions. What it pays is decided in the open by the committees.</p>",
                )
            ],
        },
        "fr": {
            "title": "Logiciel commun",
            "summary": "Les versions, la sécurité et le code commun sur lequel tournent les pays.",
            "story": [
                (
                    "text",
                    "<p>Toutes les mises en œuvre reposent sur le même code. Il faut le réparer "
                    "quand une faille est trouvée, le porter vers de nouvelles versions, et lire ce "
                    "que d’autres apportent. On ne peut demander cela à un seul pays.</p>"
                    "<p>Ce fonds paie les versions, la sécurité et la relecture des contributions. "
                    "Les comités décident à découvert de ce qui est payé.</p>",
                )
            ],
        },
        "pt": {
            "title": "Software comum",
            "summary": "Versões, segurança e o código comum em que os países trabalham.",
            "story": [
                (
                    "text",
                    "<p>Todas as implementações assentam no mesmo código. Alguém tem de o reparar "
                    "quando se encontra uma falha, de o levar a novas versões e de ler o que outros "
                    "contribuem. Não se pode pedir isso a um só país.</p>"
                    "<p>Este fundo paga as versões, a segurança e a revisão das contribuições. Os "
                    "comités decidem às claras o que é pago.</p>",
                )
            ],
        },
    },
    "country-voices": {
        "en": {
            "title": "Country voices",
            "summary": "Travel, interpretation and lines, so that ministries speak for themselves.",
            "story": [
                (
                    "text",
                    "<p>The community calls country participation its goal and its weakness. A call "
                    "at a bad hour, in a third language, over a line that drops, is no seat at the "
                    "table.</p>"
                    "<p>This pool pays for interpretation at calls, for travel of ministries and "
                    "in-country teams, and for the airtime that a call costs.</p>",
                )
            ],
        },
        "fr": {
            "title": "Voix des pays",
            "summary": "Voyages, interprétation et lignes, pour que les ministères parlent.",
            "story": [
                (
                    "text",
                    "<p>La communauté dit de la participation des pays qu’elle est son but et sa "
                    "faiblesse. Un appel à une mauvaise heure, dans une troisième langue, sur une "
                    "ligne qui coupe, n’est pas une place à la table.</p>"
                    "<p>Ce fonds paie l’interprétation des appels, les voyages des ministères et "
                    "des équipes des pays, et les communications.</p>",
                )
            ],
        },
        "pt": {
            "title": "Vozes dos países",
            "summary": "Viagens, interpretação e linhas, para que os ministérios falem por si.",
            "story": [
                (
                    "text",
                    "<p>A comunidade diz que a participação dos países é o seu objetivo e a sua "
                    "fraqueza. Uma chamada a má hora, numa terceira língua, por uma linha que cai, "
                    "não é um lugar à mesa.</p>"
                    "<p>Este fundo paga a interpretação nas chamadas, as viagens dos ministérios e "
                    "das equipas dos países, e as comunicações.</p>",
                )
            ],
        },
    },
    "cold-chain-malawi": {
        "en": {
            "title": "Cold chain for Malawi",
            "summary": (
                "Stock visibility for 650 facilities, so that a vaccine that leaves the national "
                "store is seen again at the clinic door."
            ),
            "story": [
                (
                    "text",
                    "<p>Malawi runs OpenLMIS in more than 650 facilities. A vaccine must stay cold "
                    "on each step to them, and each step can lose sight of it.</p>"
                    "<p>This pool is an example of a restricted one: what is given to it may be "
                    "spent on this purpose alone. Its project is invented for the "
                    "demonstration.</p>",
                )
            ],
        },
        "fr": {
            "title": "Chaîne du froid au Malawi",
            "summary": (
                "Le stock de 650 centres rendu visible, pour qu’un vaccin parti du dépôt national "
                "soit revu à la porte du centre de santé."
            ),
            "story": [
                (
                    "text",
                    "<p>Le Malawi utilise OpenLMIS dans plus de 650 centres. Un vaccin doit rester "
                    "au froid à chaque étape, et à chaque étape on peut le perdre de vue.</p>"
                    "<p>Ce fonds est un exemple de fonds affecté : ce qu’on lui donne ne sert qu’à "
                    "ce but. Son projet est inventé pour la démonstration.</p>",
                )
            ],
        },
        "pt": {
            "title": "Cadeia de frio no Malawi",
            "summary": (
                "As existências de 650 unidades à vista, para que uma vacina que sai do armazém "
                "nacional volte a ser vista à porta da unidade."
            ),
            "story": [
                (
                    "text",
                    "<p>O Malawi usa o OpenLMIS em mais de 650 unidades. Uma vacina tem de ficar "
                    "fria em cada passo, e em cada passo se pode perder de vista.</p>"
                    "<p>Este fundo é um exemplo de fundo consignado: o que lhe é dado só serve para "
                    "este fim. O seu projeto é inventado para a demonstração.</p>",
                )
            ],
        },
    },
    "general": {
        "en": {
            "title": "General fund",
            "summary": "Dues of members come in here, and pay for what all of them share.",
            "story": [
                (
                    "text",
                    "<p>Members’ dues are kept in this pool. They pay for the work that belongs to "
                    "no single project: keeping the books, running this portal, holding the calls. "
                    "Dues paid for months that are still to come are shown as paid ahead: they are "
                    "not ours to spend yet.</p>",
                )
            ],
        },
        "fr": {
            "title": "Fonds général",
            "summary": "Les cotisations y entrent et paient ce que tous les membres partagent.",
            "story": [
                (
                    "text",
                    "<p>Les cotisations des membres sont gardées dans ce fonds. Elles paient le "
                    "travail qui n’appartient à aucun projet : tenir les comptes, faire vivre ce "
                    "portail, organiser les appels. Les cotisations des mois à venir sont montrées "
                    "comme payées d’avance : elles ne sont pas encore à dépenser.</p>",
                )
            ],
        },
        "pt": {
            "title": "Fundo geral",
            "summary": "As quotas entram aqui e pagam o que todos os membros partilham.",
            "story": [
                (
                    "text",
                    "<p>As quotas dos membros são guardadas neste fundo. Pagam o trabalho que não "
                    "pertence a nenhum projeto: fazer as contas, manter este portal, organizar as "
                    "chamadas. As quotas de meses por vir são mostradas como pagas adiantadamente: "
                    "ainda não são nossas para gastar.</p>",
                )
            ],
        },
    },
}
