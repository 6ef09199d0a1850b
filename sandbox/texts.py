"""The words of the hosted checkout page in the portal's three languages, and its amounts."""

LANGUAGES = ("en", "fr", "pt")
# How many decimals Stripe counts in, where it is not two (not always ISO 4217: UGX, ISK).
DECIMALS = dict.fromkeys(
    (
        *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"),
        *("pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"),
    ),
    0,
) | dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 3)

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "sandbox": "Sandbox",
        "no_money": "No money moves here. Use a test card, never a real one.",
        "title": "Pay {amount}",
        "title_error": "Error: pay {amount}",
        "back": "Back",
        "total": "Total",
        "email": "E-mail address",
        "name": "Name on the card",
        "number": "Card number",
        "number_hint": "To pay with success, use 4242\u00a04242\u00a04242\u00a04242. Other test cards are below.",
        "expiry": "Expires",
        "expiry_hint": "Month and year: 12/34",
        "cvc": "Security code",
        "cvc_hint": "CVC: any 3 digits",
        "pay": "Pay {amount}",
        "problem": "The payment was not made",
        "email_wrong": "Enter an e-mail address, such as name@example.org.",
        "name_wrong": "Enter the name on the card.",
        "number_wrong": "Enter the number of one of the test cards listed below.",
        "expiry_wrong": "Enter a month and a year that are not in the past, such as 12/34.",
        "cvc_wrong": "Enter 3 digits, or 4 for American Express.",
        "generic_decline": "The bank declined this card. Try another card.",
        "insufficient_funds": "There is not enough money on this card. Try another card.",
        "nothing_taken": "Nothing was taken.",
        "test_cards": "Test cards",
        "card": "Card number",
        "result": "What happens",
        "does_success": "Pays ({brand})",
        "does_generic_decline": "Declined by the bank",
        "does_insufficient_funds": "Not enough money",
        "complete_title": "This payment is made",
        "complete": "There is nothing more to pay on this page.",
        "continue": "Continue",
        "expired_title": "This page has expired",
        "expired": "Nothing was taken. Go back and start the payment again.",
        "missing_title": "There is no such payment page",
        "missing": "The address is not complete, or it belongs to another sandbox.",
    },
    "fr": {
        "sandbox": "Bac à sable",
        "no_money": "Aucun argent ne circule ici. Utilisez une carte de test, jamais une vraie.",
        "title": "Payer {amount}",
        "title_error": "Erreur : payer {amount}",
        "back": "Retour",
        "total": "Total",
        "email": "Adresse électronique",
        "name": "Nom figurant sur la carte",
        "number": "Numéro de carte",
        "number_hint": "Pour un paiement réussi : 4242\u00a04242\u00a04242\u00a04242. Autres cartes plus bas.",
        "expiry": "Expiration",
        "expiry_hint": "Mois et année : 12/34",
        "cvc": "Code de sécurité",
        "cvc_hint": "CVC : 3 chiffres au choix",
        "pay": "Payer {amount}",
        "problem": "Le paiement n’a pas été effectué",
        "email_wrong": "Saisissez une adresse électronique, par exemple nom@example.org.",
        "name_wrong": "Saisissez le nom figurant sur la carte.",
        "number_wrong": "Saisissez le numéro d’une des cartes de test indiquées plus bas.",
        "expiry_wrong": "Saisissez un mois et une année qui ne sont pas passés, par exemple 12/34.",
        "cvc_wrong": "Saisissez 3 chiffres, ou 4 pour American Express.",
        "generic_decline": "La banque a refusé cette carte. Essayez une autre carte.",
        "insufficient_funds": "Il n’y a pas assez d’argent sur cette carte. Essayez une autre carte.",
        "nothing_taken": "Rien n’a été prélevé.",
        "test_cards": "Cartes de test",
        "card": "Numéro de carte",
        "result": "Résultat",
        "does_success": "Paie ({brand})",
        "does_generic_decline": "Refusée par la banque",
        "does_insufficient_funds": "Pas assez d’argent",
        "complete_title": "Ce paiement est effectué",
        "complete": "Il n’y a plus rien à payer sur cette page.",
        "continue": "Continuer",
        "expired_title": "Cette page a expiré",
        "expired": "Rien n’a été prélevé. Revenez en arrière et recommencez le paiement.",
        "missing_title": "Cette page de paiement n’existe pas",
        "missing": "L’adresse est incomplète, ou elle appartient à un autre bac à sable.",
    },
    "pt": {
        "sandbox": "Ambiente de teste",
        "no_money": "Aqui não circula dinheiro. Use um cartão de teste, nunca um verdadeiro.",
        "title": "Pagar {amount}",
        "title_error": "Erro: pagar {amount}",
        "back": "Voltar",
        "total": "Total",
        "email": "Endereço de e-mail",
        "name": "Nome no cartão",
        "number": "Número do cartão",
        "number_hint": "Para pagar com sucesso: 4242\u00a04242\u00a04242\u00a04242. Outros cartões mais abaixo.",
        "expiry": "Validade",
        "expiry_hint": "Mês e ano: 12/34",
        "cvc": "Código de segurança",
        "cvc_hint": "CVC: 3 algarismos à escolha",
        "pay": "Pagar {amount}",
        "problem": "O pagamento não foi feito",
        "email_wrong": "Escreva um endereço de e-mail, como nome@example.org.",
        "name_wrong": "Escreva o nome que está no cartão.",
        "number_wrong": "Escreva o número de um dos cartões de teste indicados mais abaixo.",
        "expiry_wrong": "Escreva um mês e um ano que não tenham passado, como 12/34.",
        "cvc_wrong": "Escreva 3 algarismos, ou 4 para American Express.",
        "generic_decline": "O banco recusou este cartão. Tente outro cartão.",
        "insufficient_funds": "Não há dinheiro suficiente neste cartão. Tente outro cartão.",
        "nothing_taken": "Nada foi cobrado.",
        "test_cards": "Cartões de teste",
        "card": "Número do cartão",
        "result": "O que acontece",
        "does_success": "Paga ({brand})",
        "does_generic_decline": "Recusado pelo banco",
        "does_insufficient_funds": "Sem dinheiro suficiente",
        "complete_title": "Este pagamento está feito",
        "complete": "Não há mais nada a pagar nesta página.",
        "continue": "Continuar",
        "expired_title": "Esta página expirou",
        "expired": "Nada foi cobrado. Volte atrás e comece o pagamento de novo.",
        "missing_title": "Esta página de pagamento não existe",
        "missing": "O endereço está incompleto ou pertence a outro ambiente de teste.",
    },
}


def language_of(locale: str | None, accept_language: str) -> str:
    """The session's language; when it leaves the choice open, the browser's first that we have."""
    wanted = [locale] if locale and locale != "auto" else accept_language.split(",")
    for tag in wanted:
        language = tag.strip()[:2].lower()
        if language in LANGUAGES:
            return language
    return "en"


def money(amount: int, currency: str, language: str) -> str:
    """Minor units, as Stripe counts them, written out: USD 1,000.00 or 1 000,00 USD."""
    places = DECIMALS.get(currency, 2)
    whole, part = divmod(amount, 10**places)
    gap, point = (",", ".") if language == "en" else ("\u202f", ",")
    digits = f"{whole:,}".replace(",", gap) + (f"{point}{part:0{places}d}" if places else "")
    code = currency.upper()
    return f"{code}\u00a0{digits}" if language == "en" else f"{digits}\u00a0{code}"
