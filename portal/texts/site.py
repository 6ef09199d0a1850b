"""The pages every new site begins with, in English, French and Portuguese.

Facts about OpenLMIS and its community come from openlmis.org and from the public notes of the
community's committees and meetings; the sentences are ours.
"""

from typing import Any

Texts = dict[str, dict[str, Any]]

HOME: Texts = {
    "en": {
        "title": "OpenLMIS Foundation",
        "headline": "Medicines reach the clinic when everyone can see the shelf.",
        "summary": (
            "The OpenLMIS Foundation keeps open-source logistics software alive for the ministries "
            "that run on it. Its money is public to the last entry, and its votes are not for sale."
        ),
        "about": (
            "<p>OpenLMIS is open-source software for the supply of health commodities. It shows "
            "what is on the shelf, from the national store to the clinic, and what has to be "
            "ordered. Countries in Africa run national systems on it.</p>"
            "<p>The foundation is a proposed home for this software and for the people who depend "
            "on it: ministries, implementers, donors and engineers. It collects money in public "
            "pools, pays for work that all of them share, and makes room for countries at the "
            "table.</p>"
            "<p>Two rules carry it. Every figure on this site opens into the ledger entries that "
            "make it. And money buys no votes: a small member counts as much as a large one.</p>"
            '<p><a href="/about/">Read more about the foundation</a></p>'
        ),
        "join": (
            "<p>An organisation joins in four steps.</p>"
            "<ol><li>Create an account and confirm your e-mail address.</li>"
            "<li>Apply: name, country, kind of member, whose voice you are.</li>"
            "<li>Accept the agreements. Staff read the application and answer.</li>"
            "<li>Pay the dues by card, or by bank transfer against an invoice.</li></ol>"
            "<p>Ministries of low-income countries join for nothing. No member needs money to be "
            "heard.</p>"
        ),
    },
    "fr": {
        "title": "Fondation OpenLMIS",
        "headline": "Les médicaments arrivent au centre de santé quand tout le monde voit le rayon.",
        "summary": (
            "La Fondation OpenLMIS fait vivre un logiciel libre de logistique pour les ministères "
            "qui s’en servent. Son argent est public jusqu’à la dernière écriture, et ses voix ne "
            "sont pas à vendre."
        ),
        "about": (
            "<p>OpenLMIS est un logiciel libre pour l’approvisionnement en produits de santé. Il "
            "montre ce qu’il y a en rayon, du dépôt national au centre de santé, et ce qu’il faut "
            "commander. Des pays d’Afrique y font tourner leurs systèmes nationaux.</p>"
            "<p>La fondation est une maison proposée pour ce logiciel et pour celles et ceux qui en "
            "dépendent : ministères, équipes de mise en œuvre, donateurs et ingénieurs. Elle "
            "rassemble l’argent dans des fonds publics, paie le travail qui sert à tous et fait une "
            "place aux pays.</p>"
            "<p>Deux règles la portent. Chaque chiffre de ce site s’ouvre sur les écritures du "
            "grand livre qui le composent. Et l’argent n’achète pas de voix : un petit membre "
            "compte autant qu’un grand.</p>"
            '<p><a href="/fr/about/">En savoir plus sur la fondation</a></p>'
        ),
        "join": (
            "<p>Une organisation adhère en quatre étapes.</p>"
            "<ol><li>Créez un compte et confirmez votre adresse e-mail.</li>"
            "<li>Posez votre candidature : nom, pays, type de membre, voix que vous portez.</li>"
            "<li>Acceptez les accords. L’équipe lit la candidature et répond.</li>"
            "<li>Payez la cotisation par carte, ou par virement sur facture.</li></ol>"
            "<p>Les ministères des pays à faible revenu adhèrent gratuitement. Aucun membre n’a "
            "besoin d’argent pour être entendu.</p>"
        ),
    },
    "pt": {
        "title": "Fundação OpenLMIS",
        "headline": "Os medicamentos chegam à unidade sanitária quando todos veem a prateleira.",
        "summary": (
            "A Fundação OpenLMIS mantém vivo um software livre de logística para os ministérios que "
            "dependem dele. O seu dinheiro é público até ao último lançamento, e os seus votos não "
            "estão à venda."
        ),
        "about": (
            "<p>O OpenLMIS é um software livre para o abastecimento de produtos de saúde. Mostra o "
            "que há na prateleira, do armazém nacional à unidade sanitária, e o que é preciso "
            "encomendar. Vários países de África têm nele os seus sistemas nacionais.</p>"
            "<p>A fundação é uma casa proposta para este software e para quem dele depende: "
            "ministérios, equipas de implementação, doadores e engenheiros. Reúne dinheiro em "
            "fundos públicos, paga o trabalho que serve a todos e abre espaço aos países.</p>"
            "<p>Duas regras a sustentam. Cada número deste site abre-se nos lançamentos do livro "
            "que o formam. E o dinheiro não compra votos: um membro pequeno conta tanto como um "
            "grande.</p>"
            '<p><a href="/pt/about/">Saber mais sobre a fundação</a></p>'
        ),
        "join": (
            "<p>Uma organização adere em quatro passos.</p>"
            "<ol><li>Crie uma conta e confirme o seu endereço de e-mail.</li>"
            "<li>Faça o pedido: nome, país, tipo de membro, voz que representa.</li>"
            "<li>Aceite os acordos. A equipa lê o pedido e responde.</li>"
            "<li>Pague a quota por cartão, ou por transferência bancária com fatura.</li></ol>"
            "<p>Os ministérios dos países de baixo rendimento aderem sem pagar. Nenhum membro "
            "precisa de dinheiro para ser ouvido.</p>"
        ),
    },
}

# Slug (the same in every language) to title and summary.
INDEXES: dict[str, Texts] = {
    "news": {
        "en": {
            "title": "News",
            "summary": "What the foundation, its members and its communities have done.",
        },
        "fr": {
            "title": "Actualités",
            "summary": "Ce qu’ont fait la fondation, ses membres et ses communautés.",
        },
        "pt": {
            "title": "Notícias",
            "summary": "O que a fundação, os seus membros e as suas comunidades fizeram.",
        },
    },
    "pools": {
        "en": {
            "title": "Pools",
            "summary": (
                "A pool is a fund with one purpose, one currency and a public ledger. Gifts go in, "
                "work is paid, and the page shows both to the cent."
            ),
        },
        "fr": {
            "title": "Fonds",
            "summary": (
                "Un fonds a un but, une monnaie et un grand livre public. Les dons entrent, le "
                "travail est payé, et la page montre les deux au centime près."
            ),
        },
        "pt": {
            "title": "Fundos",
            "summary": (
                "Um fundo tem um fim, uma moeda e um livro público. Os donativos entram, o trabalho "
                "é pago, e a página mostra ambos ao cêntimo."
            ),
        },
    },
    "evangelists": {
        "en": {
            "title": "Evangelists",
            "summary": (
                "People who explain OpenLMIS: to donors, to engineers, and in the countries that "
                "run it or think of running it."
            ),
        },
        "fr": {
            "title": "Ambassadeurs",
            "summary": (
                "Des personnes qui expliquent OpenLMIS : aux donateurs, aux ingénieurs, et dans les "
                "pays qui l’utilisent ou y songent."
            ),
        },
        "pt": {
            "title": "Embaixadores",
            "summary": (
                "Pessoas que explicam o OpenLMIS: a doadores, a engenheiros, e nos países que o "
                "usam ou pensam usá-lo."
            ),
        },
    },
    "communities": {
        "en": {
            "title": "Communities",
            "summary": (
                "Supply is one part of a health system. These communities build the others, and "
                "this is where their work meets ours."
            ),
        },
        "fr": {
            "title": "Communautés",
            "summary": (
                "L’approvisionnement n’est qu’une partie d’un système de santé. Ces communautés "
                "construisent les autres, et voici où leur travail rejoint le nôtre."
            ),
        },
        "pt": {
            "title": "Comunidades",
            "summary": (
                "O abastecimento é uma parte de um sistema de saúde. Estas comunidades constroem as "
                "outras, e é aqui que o seu trabalho se cruza com o nosso."
            ),
        },
    },
    "implementations": {
        "en": {
            "title": "Implementations",
            "summary": (
                "Where OpenLMIS runs, as public sources tell it. Each line says how sure we are. "
                "If your country is missing or wrong here, tell us."
            ),
        },
        "fr": {
            "title": "Mises en œuvre",
            "summary": (
                "Où OpenLMIS fonctionne, d’après des sources publiques. Chaque ligne dit si nous en "
                "sommes sûrs. Si votre pays manque ou si une ligne est fausse, dites-le-nous."
            ),
        },
        "pt": {
            "title": "Implementações",
            "summary": (
                "Onde o OpenLMIS funciona, segundo fontes públicas. Cada linha diz com que certeza. "
                "Se o seu país falta ou está errado aqui, diga-nos."
            ),
        },
    },
    "events": {
        "en": {
            "title": "Events",
            "summary": (
                "Community calls, meetings and trainings. They are open to anyone, and their notes "
                "are kept here."
            ),
        },
        "fr": {
            "title": "Événements",
            "summary": (
                "Appels de la communauté, réunions et formations. Ils sont ouverts à tout le monde, "
                "et leurs comptes rendus restent ici."
            ),
        },
        "pt": {
            "title": "Eventos",
            "summary": (
                "Chamadas da comunidade, reuniões e formações. Estão abertos a toda a gente, e as "
                "suas notas ficam guardadas aqui."
            ),
        },
    },
}

_SOURCE = {
    "en": "openlmis.org and public notes of the community’s committees and meetings.",
    "fr": "openlmis.org et notes publiques des comités et réunions de la communauté.",
    "pt": "openlmis.org e notas públicas dos comités e reuniões da comunidade.",
}

# Path below the home page to texts; a page comes after the one above it.
PAGES: dict[str, Texts] = {
    "about": {
        "en": {
            "title": "About the foundation",
            "summary": "Why OpenLMIS needs a home of its own, and what this one promises.",
            "source": _SOURCE["en"],
            "body": [
                (
                    "text",
                    "<h2>The software</h2>"
                    "<p>OpenLMIS is an electronic logistics management information system for "
                    "health commodities in low- and middle-income countries. Its licence is "
                    "AGPL-3.0: anyone may use it, read it and change it, and changes stay open.</p>"
                    "<p>Its readers are not all on fast lines. Implementation pages of Mozambique "
                    "tell of GPRS modems, links that come and go, and data entered offline. This "
                    "site is built for them first.</p>"
                    "<h2>The community</h2>"
                    "<p>Three committees do the work: Governance, Product and Technical. Their "
                    "calls and mailing lists are open to anyone. The Governance committee meets "
                    "every month and its chair rotates.</p>"
                    "<h2>Why a foundation</h2>"
                    "<p>The community has written down what holds it back: partners need funding to "
                    "take part; ministries and in-country teams are heard too little; money from a "
                    "few donors tilts the table; forks and double work cost everybody. It wished "
                    "for a foundation, for shared agreements on code and decisions, for a way to "
                    "contribute that works, and for people who explain OpenLMIS to donors, "
                    "engineers and countries.</p>"
                    "<p>This portal is the place where such a foundation would work in the "
                    "open.</p>",
                ),
                (
                    "note",
                    {
                        "text": (
                            "<p>The foundation is a proposal. What stands here shows how it would "
                            "work; members decide what it becomes.</p>"
                        )
                    },
                ),
                (
                    "text",
                    "<h2>What it promises</h2>"
                    "<ul><li><b>Radical transparency.</b> Every public figure opens into the ledger "
                    "entries that make it, and anyone can check the ledger without trusting us.</li>"
                    "<li><b>No gatekeepers.</b> Money buys no votes. Small members are first-class. "
                    "A page costs its reader kilobytes.</li></ul>",
                ),
                (
                    "call",
                    {"label": "Apply for membership", "page": None, "address": "/join/"},
                ),
            ],
        },
        "fr": {
            "title": "À propos de la fondation",
            "summary": "Pourquoi OpenLMIS a besoin d’une maison, et ce que celle-ci promet.",
            "source": _SOURCE["fr"],
            "body": [
                (
                    "text",
                    "<h2>Le logiciel</h2>"
                    "<p>OpenLMIS est un système électronique de gestion logistique pour les "
                    "produits de santé dans les pays à revenu faible ou intermédiaire. Sa licence "
                    "est l’AGPL-3.0 : chacun peut l’utiliser, le lire et le modifier, et les "
                    "modifications restent ouvertes.</p>"
                    "<p>Ses lecteurs n’ont pas tous une ligne rapide. Des pages sur le Mozambique "
                    "parlent de modems GPRS, de liaisons qui vont et viennent, de données saisies "
                    "hors ligne. Ce site est fait d’abord pour eux.</p>"
                    "<h2>La communauté</h2>"
                    "<p>Trois comités font le travail : gouvernance, produit et technique. Leurs "
                    "appels et leurs listes de diffusion sont ouverts à tous. Le comité de "
                    "gouvernance se réunit chaque mois et sa présidence tourne.</p>"
                    "<h2>Pourquoi une fondation</h2>"
                    "<p>La communauté a noté ce qui la freine : les partenaires ont besoin d’argent "
                    "pour participer ; les ministères et les équipes des pays sont trop peu "
                    "entendus ; l’argent de quelques donateurs déséquilibre la table ; les "
                    "bifurcations du code et le travail en double coûtent à tous. Elle a souhaité "
                    "une fondation, des accords communs sur le code et les décisions, une façon de "
                    "contribuer qui fonctionne, et des personnes qui expliquent OpenLMIS aux "
                    "donateurs, aux ingénieurs et aux pays.</p>"
                    "<p>Ce portail est le lieu où une telle fondation travaillerait à découvert.</p>",
                ),
                (
                    "note",
                    {
                        "text": (
                            "<p>La fondation est une proposition. Ce qui est ici montre comment "
                            "elle travaillerait ; les membres décident de ce qu’elle devient.</p>"
                        )
                    },
                ),
                (
                    "text",
                    "<h2>Ce qu’elle promet</h2>"
                    "<ul><li><b>Une transparence entière.</b> Chaque chiffre public s’ouvre sur les "
                    "écritures qui le composent, et chacun peut vérifier le grand livre sans nous "
                    "faire confiance.</li>"
                    "<li><b>Pas de portier.</b> L’argent n’achète pas de voix. Les petits membres "
                    "ont les mêmes droits. Une page coûte quelques kilo-octets à qui la lit.</li>"
                    "</ul>",
                ),
                (
                    "call",
                    {"label": "Poser sa candidature", "page": None, "address": "/fr/join/"},
                ),
            ],
        },
        "pt": {
            "title": "Sobre a fundação",
            "summary": "Porque o OpenLMIS precisa de uma casa sua, e o que esta promete.",
            "source": _SOURCE["pt"],
            "body": [
                (
                    "text",
                    "<h2>O software</h2>"
                    "<p>O OpenLMIS é um sistema eletrónico de gestão logística para produtos de "
                    "saúde em países de rendimento baixo e médio. A sua licença é a AGPL-3.0: "
                    "qualquer pessoa o pode usar, ler e alterar, e as alterações ficam abertas.</p>"
                    "<p>Nem todos os seus leitores têm uma ligação rápida. Páginas sobre Moçambique "
                    "falam de modems GPRS, de ligações que vão e vêm, de dados introduzidos sem "
                    "rede. Este site é feito em primeiro lugar para eles.</p>"
                    "<h2>A comunidade</h2>"
                    "<p>Três comités fazem o trabalho: governação, produto e técnico. As suas "
                    "chamadas e listas de correio estão abertas a todos. O comité de governação "
                    "reúne todos os meses e a sua presidência roda.</p>"
                    "<h2>Porquê uma fundação</h2>"
                    "<p>A comunidade escreveu o que a trava: os parceiros precisam de dinheiro para "
                    "participar; os ministérios e as equipas dos países são pouco ouvidos; o "
                    "dinheiro de poucos doadores desequilibra a mesa; as bifurcações do código e o "
                    "trabalho em duplicado custam a todos. Desejou uma fundação, acordos comuns "
                    "sobre código e decisões, uma forma de contribuir que funcione, e pessoas que "
                    "expliquem o OpenLMIS a doadores, engenheiros e países.</p>"
                    "<p>Este portal é o lugar onde uma tal fundação trabalharia às claras.</p>",
                ),
                (
                    "note",
                    {
                        "text": (
                            "<p>A fundação é uma proposta. O que está aqui mostra como trabalharia; "
                            "os membros decidem o que ela vem a ser.</p>"
                        )
                    },
                ),
                (
                    "text",
                    "<h2>O que promete</h2>"
                    "<ul><li><b>Transparência inteira.</b> Cada número público abre-se nos "
                    "lançamentos que o formam, e qualquer pessoa pode verificar o livro sem "
                    "confiar em nós.</li>"
                    "<li><b>Sem porteiros.</b> O dinheiro não compra votos. Os membros pequenos têm "
                    "os mesmos direitos. Uma página custa poucos quilobytes a quem a lê.</li></ul>",
                ),
                (
                    "call",
                    {"label": "Pedir a adesão", "page": None, "address": "/pt/join/"},
                ),
            ],
        },
    },
    "about/charter": {
        "en": {
            "title": "Charter",
            "summary": "What members would agree on. A draft, for them to decide.",
            "body": [
                (
                    "note",
                    {
                        "text": (
                            "<p>This is a summary in plain words. The text that an organisation "
                            "accepts is shown, with its version, when it applies.</p>"
                        )
                    },
                ),
                (
                    "text",
                    "<h2>Who belongs</h2>"
                    "<p>Legal bodies of five constituencies: countries, implementers, donors, "
                    "technical organisations and sister communities. A person takes part through a "
                    "seat in an organisation.</p>"
                    "<h2>Whose vote</h2>"
                    "<p>Dues and gifts buy no votes. A member that pays nothing, because its "
                    "country is poor, has the rights of every other.</p>"
                    "<h2>Whose money</h2>"
                    "<p>Money is kept in pools. What was given for one purpose is spent on that "
                    "purpose. Paying out needs two people, and neither is the one who asked.</p>"
                    "<h2>What is public</h2>"
                    "<p>Every entry of the ledger is public and stays. Nothing is changed "
                    "afterwards: a mistake is mended by a second entry that names the first. People "
                    "are named where they agreed to it.</p>",
                ),
            ],
        },
    },
    "contribute": {
        "en": {
            "title": "Contribute",
            "summary": "Code, translation, a talk, a fact about your country: where each belongs.",
            "source": _SOURCE["en"],
            "body": [
                (
                    "text",
                    "<h2>With code</h2>"
                    '<p>The software lives in public repositories; the <a href="https://github.com/'
                    'OpenLMIS/openlmis-ref-distro">reference distribution</a> is the place to '
                    "start. Its licence, AGPL-3.0, keeps what you give open.</p>"
                    "<h2>With time</h2>"
                    "<p>The calls of the Governance, Product and Technical committees are open to "
                    'anyone. Questions and answers are kept in the <a href="https://forum.openlmis.'
                    'org">forum</a>.</p>'
                    "<h2>With a voice</h2>"
                    "<p>Evangelists explain OpenLMIS to donors, to engineers and in countries. Each "
                    "keeps a profile here that says where they work, in which languages and on "
                    "what.</p>"
                    "<h2>With a fact</h2>"
                    "<p>The pages on implementations say what public sources say, and how sure we "
                    "are. A ministry knows better. Tell us, and the page will name you as its "
                    "source.</p>"
                    "<h2>With money</h2>"
                    '<p>Choose a <a href="/pools/">pool</a>. You will see your gift in its ledger.'
                    "</p>",
                ),
            ],
        },
    },
}
