"""What a foundation begins with: tiers with their benefits, a fee table and a code of conduct.

For the demo and for a new production site alike. What is there already, by its code, is left as
staff made it; so loading again makes nothing double and undoes nothing.
"""

import datetime
from dataclasses import dataclass, field

from core.transactions import use_case
from membership import agreements
from membership.models import (
    Agreement,
    AgreementVersion,
    Benefit,
    FeeRule,
    OrganisationKind,
    Tier,
)

SOURCE = "Opening fee table, proposed to the founding board"
SOURCE_YEAR = 2026
VALID_FROM = datetime.date(2026, 1, 1)
CURRENCY = "USD"

Kind = OrganisationKind


@dataclass(frozen=True, slots=True)
class TierSeed:
    """A tier, who may choose it, and its fees in minor units by income group ("": any other)."""

    code: str
    words: dict[str, str]
    kinds: tuple[str, ...]
    fees: dict[str, int] = field(default_factory=dict)


TIERS = (
    TierSeed(
        code="country",
        words={
            "name": "Country member",
            "name_fr": "Membre pays",
            "name_pt": "Membro país",
            "summary": "Ministries and public bodies that run OpenLMIS or plan to.",
            "summary_fr": "Les ministères et organismes publics qui utilisent OpenLMIS "
            "ou prévoient de l’utiliser.",
            "summary_pt": "Ministérios e organismos públicos que usam o OpenLMIS "
            "ou planeiam usá-lo.",
        },
        kinds=(Kind.MINISTRY,),
        fees={
            "low": 0,
            "lower middle": 25_000,
            "upper middle": 100_000,
            "high": 250_000,
            "": 250_000,
        },
    ),
    TierSeed(
        code="implementer",
        words={
            "name": "Implementer",
            "name_fr": "Intégrateur",
            "name_pt": "Implementador",
            "summary": "Organisations and companies that install, extend or support OpenLMIS.",
            "summary_fr": "Les organisations et entreprises qui installent, étendent "
            "ou soutiennent OpenLMIS.",
            "summary_pt": "Organizações e empresas que instalam, ampliam ou apoiam o OpenLMIS.",
        },
        kinds=(Kind.IMPLEMENTER, Kind.COMPANY),
        fees={
            "low": 25_000,
            "lower middle": 50_000,
            "upper middle": 150_000,
            "high": 300_000,
            "": 300_000,
        },
    ),
    TierSeed(
        code="community",
        words={
            "name": "Community",
            "name_fr": "Communauté",
            "name_pt": "Comunidade",
            "summary": "Non-governmental organisations, universities and communities of "
            "neighbouring software.",
            "summary_fr": "Les organisations non gouvernementales, les universités et "
            "les communautés de logiciels voisins.",
            "summary_pt": "Organizações não governamentais, universidades e comunidades "
            "de software vizinho.",
        },
        kinds=(Kind.NGO, Kind.ACADEMIC),
        fees={
            "low": 5_000,
            "lower middle": 10_000,
            "upper middle": 25_000,
            "high": 50_000,
            "": 50_000,
        },
    ),
    TierSeed(
        code="sustaining",
        words={
            "name": "Sustaining",
            "name_fr": "Membre de soutien",
            "name_pt": "Membro de apoio",
            "summary": "Donors and companies that carry the shared work. It buys no second vote.",
            "summary_fr": "Les bailleurs et entreprises qui portent le travail commun. "
            "Cela n’achète pas de seconde voix.",
            "summary_pt": "Doadores e empresas que sustentam o trabalho comum. "
            "Não compra um segundo voto.",
        },
        kinds=(Kind.DONOR, Kind.COMPANY),
        fees={"": 1_000_000},
    ),
)


@dataclass(frozen=True, slots=True)
class BenefitSeed:
    """A right (without days), or what is done for a member within days; for all tiers or some."""

    words: tuple[str, str, str]  # English, French, Portuguese
    days: int | None = None
    repeats: str = Benefit.Repeats.YEARLY
    tiers: tuple[str, ...] = ("country", "implementer", "community", "sustaining")


BENEFITS = (
    BenefitSeed(
        (
            "One vote in the constituency, whatever the fee",
            "Une voix dans le collège, quelle que soit la cotisation",
            "Um voto no círculo, seja qual for a quota",
        )
    ),
    BenefitSeed(
        (
            "Standing for the board and its committees",
            "Se présenter au conseil et à ses comités",
            "Candidatar-se ao conselho e aos seus comités",
        )
    ),
    BenefitSeed(
        (
            "Proposing and discussing what the community fund pays for",
            "Proposer et discuter ce que paie le fonds commun",
            "Propor e debater o que o fundo comum paga",
        )
    ),
    BenefitSeed(
        (
            "A welcome call about how decisions are taken and where help is found",
            "Un appel de bienvenue : comment on décide et où trouver de l’aide",
            "Uma chamada de boas-vindas: como se decide e onde se encontra ajuda",
        ),
        days=14,
        repeats=Benefit.Repeats.ONCE,
    ),
    BenefitSeed(
        (
            "An introduction of the member to the community in the news",
            "Une présentation du membre à la communauté dans les actualités",
            "Uma apresentação do membro à comunidade nas notícias",
        ),
        days=30,
        repeats=Benefit.Repeats.ONCE,
    ),
    BenefitSeed(
        (
            "A review of the running OpenLMIS version with advice for the next upgrade",
            "Un examen de la version d’OpenLMIS utilisée, avec des conseils pour la mise à niveau",
            "Uma análise da versão do OpenLMIS em uso, com conselhos para a atualização",
        ),
        days=120,
        tiers=("country",),
    ),
    BenefitSeed(
        (
            "A check of the public profile with the member, so that those who seek help find it",
            "Une vérification du profil public avec le membre, pour qu’on le trouve",
            "Uma verificação do perfil público com o membro, para que o encontrem",
        ),
        days=60,
        tiers=("implementer", "community"),
    ),
    BenefitSeed(
        (
            "A report of what the year’s contributions made possible",
            "Un rapport sur ce que les contributions de l’année ont permis",
            "Um relatório do que as contribuições do ano tornaram possível",
        ),
        days=365,
        tiers=("sustaining",),
    ),
)

CODE_OF_CONDUCT = """\
This code holds for everybody who acts for a member of the OpenLMIS Foundation: in meetings, in \
code, in messages, and when they speak for the foundation elsewhere.

1. Respect. We treat people as colleagues, whatever their country, language, gender, faith, age, \
employer or skill. Harassment, threats and insults have no place here.

2. Room for every voice. A ministry on a slow line counts as much as an office beside the server. \
We write so that a reader whose third language is English understands us, we announce decisions \
before they are taken, and we leave time to answer.

3. Honest interests. Who gains from a decision says so before taking part in it. Nobody decides on \
their own request, and money buys no votes.

4. Open work. What is paid for in common is published under an open licence. We give credit, and \
we take part in the upkeep of what we use.

5. Care with data. We never put the data of patients, health workers or facilities at risk, in a \
test, a screenshot or an example.

6. Care with money. We use common money for what it was given for, and we keep the papers that \
show it.

7. When something goes wrong. Whoever sees this code broken tells a membership officer, who keeps \
the name in confidence, hears both sides and answers within 14 days. The answer can be a talk, a \
warning, a pause or the end of a membership. Whoever is concerned takes no part in the decision.
"""

CODE_OF_CONDUCT_FR = """\
Ce code vaut pour toute personne qui agit au nom d’un membre de la Fondation OpenLMIS : dans les \
réunions, dans le code, dans les messages, et lorsqu’elle parle ailleurs pour la fondation. \
Le texte anglais fait foi.

1. Respect. Nous traitons chacun en collègue, quels que soient son pays, sa langue, son genre, sa \
religion, son âge, son employeur ou ses compétences. Le harcèlement, les menaces et les insultes \
n’ont pas leur place ici.

2. Une place pour chaque voix. Un ministère sur une ligne lente compte autant qu’un bureau à côté \
du serveur. Nous écrivons pour être compris, nous annonçons les décisions avant de les prendre et \
nous laissons le temps de répondre.

3. Intérêts déclarés. Qui gagne à une décision le dit avant d’y prendre part. Personne ne décide \
de sa propre demande, et l’argent n’achète pas de voix.

4. Travail ouvert. Ce qui est payé en commun est publié sous licence libre. Nous citons les \
auteurs et participons à l’entretien de ce que nous utilisons.

5. Soin des données. Nous ne mettons jamais en danger les données de patients, de soignants ou \
d’établissements, dans un test, une capture d’écran ou un exemple.

6. Soin de l’argent. L’argent commun sert à ce pour quoi il a été donné, et nous gardons les \
pièces qui le montrent.

7. Quand quelque chose va mal. Qui voit ce code enfreint le dit à un responsable des adhésions, \
qui garde le nom pour lui, entend les deux parties et répond dans les 14 jours. La réponse peut \
être un entretien, un avertissement, une pause ou la fin d’une adhésion. Qui est concerné ne prend \
pas part à la décision.
"""

CODE_OF_CONDUCT_PT = """\
Este código vale para todas as pessoas que agem por um membro da Fundação OpenLMIS: em reuniões, no \
código, em mensagens e quando falam pela fundação noutro lugar. O texto inglês é o que faz fé.

1. Respeito. Tratamos cada pessoa como colega, seja qual for o seu país, língua, género, fé, idade, \
empregador ou saber. O assédio, as ameaças e os insultos não têm lugar aqui.

2. Lugar para cada voz. Um ministério numa linha lenta conta tanto como um escritório ao lado do \
servidor. Escrevemos para que nos entenda quem tem o português como terceira língua, anunciamos as \
decisões antes de as tomar e deixamos tempo para responder.

3. Interesses declarados. Quem ganha com uma decisão di-lo antes de participar nela. Ninguém decide \
sobre o seu próprio pedido, e o dinheiro não compra votos.

4. Trabalho aberto. O que se paga em comum é publicado com licença livre. Damos o crédito devido e \
participamos na manutenção do que usamos.

5. Cuidado com os dados. Nunca pomos em risco os dados de doentes, de profissionais de saúde ou de \
unidades sanitárias, num teste, numa captura de ecrã ou num exemplo.

6. Cuidado com o dinheiro. O dinheiro comum serve para aquilo para que foi dado, e guardamos os \
documentos que o mostram.

7. Quando algo corre mal. Quem vê este código ser violado di-lo a um responsável pelas adesões, que \
guarda o nome em sigilo, ouve ambas as partes e responde em 14 dias. A resposta pode ser uma \
conversa, um aviso, uma pausa ou o fim de uma adesão. Quem está envolvido não participa na decisão.
"""


def load(*, valid_from: datetime.date = VALID_FROM) -> None:
    """Make what is missing of tiers, benefits, fees and the code of conduct, in force from a day."""
    with use_case():
        for position, seed in enumerate(TIERS, start=1):
            _load_tier(seed, position, valid_from)
            _load_benefits(seed.code)
        version = _load_code_of_conduct(valid_from)
    if version is not None:
        agreements.publish(version, by=None)


def _load_tier(seed: TierSeed, position: int, valid_from: datetime.date) -> None:
    tier, created = Tier.objects.get_or_create(
        code=seed.code, defaults={**seed.words, "position": position * 10}
    )
    if not created:
        return
    FeeRule.objects.bulk_create(
        FeeRule(
            tier=tier,
            kind=kind,
            income_group=group,
            amount=amount,
            currency=CURRENCY,
            valid_from=valid_from,
            source=SOURCE,
            source_year=SOURCE_YEAR,
        )
        for kind in seed.kinds
        for group, amount in seed.fees.items()
    )


def _load_benefits(code: str) -> None:
    """The benefits of a tier that has none yet. Members it has already are promised them from today."""
    tier = Tier.objects.filter(code=code, benefits=None).first()
    if tier is None:
        return
    Benefit.objects.bulk_create(
        Benefit(
            tier=tier,
            name=seed.words[0],
            name_fr=seed.words[1],
            name_pt=seed.words[2],
            kind=Benefit.Kind.RIGHT if seed.days is None else Benefit.Kind.SERVICE,
            days=seed.days,
            repeats=seed.repeats,
            position=position * 10,
        )
        for position, seed in enumerate(BENEFITS, start=1)
        if code in seed.tiers
    )


def _load_code_of_conduct(valid_from: datetime.date) -> AgreementVersion | None:
    """The draft to be published, or None where the agreement has been there before."""
    agreement, created = Agreement.objects.get_or_create(
        code="code-of-conduct",
        defaults={
            "name": "Code of conduct",
            "name_fr": "Code de conduite",
            "name_pt": "Código de conduta",
            "required": True,
            "position": 10,
        },
    )
    if not created:
        return agreement.versions.filter(published_at__isnull=True, label="1.0").first()
    return AgreementVersion.objects.create(
        agreement=agreement,
        label="1.0",
        text=CODE_OF_CONDUCT,
        text_fr=CODE_OF_CONDUCT_FR,
        text_pt=CODE_OF_CONDUCT_PT,
        effective_from=valid_from,
    )
