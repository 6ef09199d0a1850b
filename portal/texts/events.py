"""The demo's events: invented, and marked so on their pages."""

from typing import Any

Words = dict[str, dict[str, Any]]

CALL: Words = {
    "en": {
        "title": "Community call",
        "summary": "An hour each month: what is being built, what countries need, what hurts.",
        "body": [
            (
                "text",
                "<p>Everyone may come: ministries, implementers, engineers, donors, and whoever "
                "wants to listen. Nobody has to be a member. We speak English, and questions may "
                "be asked in French or Portuguese.</p>",
            )
        ],
    },
    "fr": {
        "title": "Appel de la communauté",
        "summary": "Une heure par mois : ce qui se construit, ce qu’il faut aux pays, ce qui gêne.",
        "body": [
            (
                "text",
                "<p>Tout le monde peut venir : ministères, équipes de mise en œuvre, ingénieurs, "
                "donateurs, et celles et ceux qui veulent écouter. Il n’est pas nécessaire d’être "
                "membre. Nous parlons anglais ; les questions peuvent être posées en français ou "
                "en portugais.</p>",
            )
        ],
    },
    "pt": {
        "title": "Chamada da comunidade",
        "summary": "Uma hora por mês: o que se constrói, do que os países precisam, o que dói.",
        "body": [
            (
                "text",
                "<p>Toda a gente pode vir: ministérios, equipas de implementação, engenheiros, "
                "doadores, e quem quiser ouvir. Não é preciso ser membro. Falamos inglês; as "
                "perguntas podem ser feitas em francês ou em português.</p>",
            )
        ],
    },
}
AGENDA = {
    "en": "<ol><li>News of the releases</li><li>A country tells: closing the month offline</li>"
    "<li>Open questions</li></ol>",
    "fr": "<ol><li>Nouvelles des versions</li><li>Un pays raconte : clore le mois hors ligne</li>"
    "<li>Questions ouvertes</li></ol>",
    "pt": "<ol><li>Notícias das versões</li><li>Um país conta: fechar o mês sem rede</li>"
    "<li>Perguntas em aberto</li></ol>",
}
NOTES = {
    "en": "<p>Nineteen people came, from seven countries.</p><ul><li>Stock counts on the phone "
    "keep what was typed when the line breaks; two countries try it.</li><li>Who can test the "
    "Portuguese forms before the next call? Two people offered.</li></ul>",
    "fr": "<p>Dix-neuf personnes sont venues, de sept pays.</p><ul><li>Les comptages au téléphone "
    "gardent ce qui est saisi quand la ligne coupe ; deux pays l’essaient.</li><li>Qui peut "
    "essayer les formulaires en portugais avant le prochain appel ? Deux personnes se "
    "proposent.</li></ul>",
    "pt": "<p>Vieram dezanove pessoas, de sete países.</p><ul><li>As contagens no telefone guardam "
    "o que foi escrito quando a ligação cai; dois países experimentam.</li><li>Quem pode testar os "
    "formulários em português antes da próxima chamada? Duas pessoas ofereceram-se.</li></ul>",
}

TRAINING: Words = {
    "en": {
        "title": "Training for store managers",
        "summary": "Three days in Lusaka: counting, ordering, and reports that add up.",
        "place": "Lusaka, Zambia",
        "body": [
            (
                "text",
                "<p>For people who keep a district store or train those who do. Whoever cannot "
                "pay the journey may ask for travel support with the registration.</p>",
            )
        ],
    },
    "fr": {
        "title": "Formation pour les responsables de dépôt",
        "summary": "Trois jours à Lusaka : compter, commander, et des rapports justes.",
        "place": "Lusaka, Zambie",
        "body": [
            (
                "text",
                "<p>Pour les personnes qui tiennent un dépôt de district ou forment celles qui le "
                "font. Qui ne peut pas payer le voyage demande un soutien en s’inscrivant.</p>",
            )
        ],
    },
    "pt": {
        "title": "Formação para responsáveis de armazém",
        "summary": "Três dias em Lusaca: contar, encomendar, e relatórios que batem certo.",
        "place": "Lusaca, Zâmbia",
        "body": [
            (
                "text",
                "<p>Para quem gere um armazém distrital ou forma quem o faz. Quem não pode pagar a "
                "viagem pede apoio ao inscrever-se.</p>",
            )
        ],
    },
}
