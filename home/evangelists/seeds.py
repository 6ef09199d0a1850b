"""The terms of service that a new site begins with; staff publish later versions."""

import datetime

from core.transactions import use_case
from home.evangelists.terms import CODE
from membership import agreements
from membership.models import Agreement, AgreementVersion

VALID_FROM = datetime.date(2026, 1, 1)

TERMS = """\
These terms hold for everybody who serves as an evangelist of the OpenLMIS Foundation.

1. What you do. You explain OpenLMIS to donors, to engineers or in countries, as far as your time \
allows. You answer questions that reach you by the form, or you switch the form off.

2. In whose name. You speak for yourself. You do not speak for the foundation, promise its money, \
or decide for it. You say who pays you where that matters.

3. Conduct. The code of conduct holds for you.

4. True figures. You enter what took place and count who was there. Staff hide what is wrong, with \
a reason that you read.

5. Your page. You write it, staff read it before it is public. You can change it at any time.

6. Money. The service is unpaid. Costs of travel are paid only where it was agreed in writing before.

7. A year at a time. Once a year you say that you still do it. If you do not, you become an alumnus \
or alumna: your page and your certificate stay, marked with the dates.

8. The end. You can stop at any time, hand over to somebody else, or have your profile erased: \
then the numbers of your activities stay without your name. Staff can end a service with a reason.
"""

TERMS_FR = """\
Ces conditions valent pour toute personne qui sert comme ambassadrice ou ambassadeur de la \
Fondation OpenLMIS. Le texte anglais fait foi.

1. Ce que vous faites. Vous expliquez OpenLMIS aux donateurs, aux ingénieurs ou dans les pays, \
selon votre temps. Vous répondez aux questions reçues par le formulaire, ou vous le fermez.

2. Au nom de qui. Vous parlez en votre nom. Vous ne parlez pas pour la fondation, ne promettez pas \
son argent et ne décidez pas pour elle. Vous dites qui vous paie lorsque cela importe.

3. Conduite. Le code de conduite vaut pour vous.

4. Chiffres vrais. Vous saisissez ce qui a eu lieu et comptez les personnes présentes. L’équipe \
masque ce qui est faux, avec un motif que vous lisez.

5. Votre page. Vous l’écrivez, l’équipe la lit avant qu’elle soit publique. Vous pouvez la changer \
à tout moment.

6. Argent. Le service n’est pas payé. Les frais de voyage ne sont payés que s’ils ont été convenus \
par écrit auparavant.

7. Une année à la fois. Une fois par an, vous dites que vous continuez. Sinon, vous faites partie \
des anciens : votre page et votre certificat restent, avec les dates.

8. La fin. Vous pouvez arrêter à tout moment, passer le relais, ou faire effacer votre profil : \
les chiffres de vos activités restent alors sans votre nom. L’équipe peut mettre fin à un service \
avec un motif.
"""

TERMS_PT = """\
Estas condições valem para quem serve como embaixador ou embaixadora da Fundação OpenLMIS. O texto \
inglês é o que obriga.

1. O que faz. Explica o OpenLMIS a doadores, a engenheiros ou nos países, conforme o seu tempo. \
Responde às perguntas recebidas pelo formulário, ou fecha-o.

2. Em nome de quem. Fala em seu próprio nome. Não fala pela fundação, não promete o dinheiro dela \
nem decide por ela. Diz quem lhe paga quando isso importa.

3. Conduta. O código de conduta vale para si.

4. Números verdadeiros. Regista o que aconteceu e conta quem esteve presente. A equipa oculta o que \
está errado, com um motivo que o senhor ou a senhora lê.

5. A sua página. Escreve-a, a equipa lê-a antes de ser pública. Pode mudá-la em qualquer altura.

6. Dinheiro. O serviço não é pago. As despesas de viagem só são pagas se tiverem sido acordadas \
antes por escrito.

7. Um ano de cada vez. Uma vez por ano, diz que continua. Se não o fizer, passa aos antigos \
embaixadores: a página e o certificado ficam, com as datas.

8. O fim. Pode parar em qualquer altura, passar o testemunho, ou mandar apagar o seu perfil: os \
números das suas atividades ficam então sem o seu nome. A equipa pode terminar um serviço com um \
motivo.
"""


def load(*, valid_from: datetime.date = VALID_FROM) -> None:
    """Put version 1.0 in force where there are no terms yet."""
    with use_case():
        agreement, is_new = Agreement.objects.get_or_create(
            code=CODE,
            defaults={
                "name": "Terms of service of evangelists",
                "name_fr": "Conditions de service des ambassadeurs",
                "name_pt": "Condições de serviço dos embaixadores",
                # Organisations that join are not asked for it.
                "required": False,
                "position": 50,
            },
        )
        version = agreement.versions.filter(published_at=None, label="1.0").first()
        if is_new:
            version = AgreementVersion.objects.create(
                agreement=agreement,
                label="1.0",
                text=TERMS,
                text_fr=TERMS_FR,
                text_pt=TERMS_PT,
                effective_from=valid_from,
            )
    if version is not None:
        agreements.publish(version, by=None)
