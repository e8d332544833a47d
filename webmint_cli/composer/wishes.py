"""Sections that a prompt asks for or refuses: "with opening hours", "ohne Blog", "no contact form"."""

from collections.abc import Iterator

from webmint_cli.composer.words import Word, matches

SECTIONS = {
    "menu": "menu menus menü speisekarte getränkekarte carte carta menú cardápio ementa price_list preisliste "
    "tarifs liste_de_prix listino lista_de_precios lista_de_preços",
    "offers": "services leistungen angebot angebote prestations servicios servizi serviços features funktionen "
    "fonctionnalités practice_areas",
    "about": "about_us about_me about_page über_uns über_mich à_propos qui_sommes_nous sobre_nosotros sobre_mí "
    "chi_siamo chi_sono sobre_nós quem_somos our_story story",
    "gallery": "gallery galerie galería galleria galeria photos fotos fotogalerie portfolio projects projekte projets "
    "proyectos progetti projetos work_samples bildergalerie",
    "steps": "process how_it_works ablauf so_funktioniert déroulement cómo_funciona come_funziona como_funciona",
    "schedule": "schedule timetable programme program agenda stundenplan kursplan zeitplan programm emploi_du_temps "
    "planning horario_de_clases programma orario_corsi programação grade_de_aulas",
    "hours": "opening_hours opening_times business_hours hours öffnungszeiten horaires horaires_d_ouverture "
    "horario horarios orari orari_di_apertura horário horários map directions anfahrt plan_d_accès mapa mappa",
    "pricing": "pricing prices preise plans tickets prix precios prezzi preços membership mitgliedschaft abos",
    "products": "products produkte produits productos prodotti produtos online_shop webshop online_store with_a_shop shopping_cart cart "
    "warenkorb panier carrito carrello carrinho boutique_en_ligne tienda_online negozio_online loja_online",
    "posts": "blog news articles artikel articoli artículos artigos neuigkeiten actualités noticias notizie notícias",
    "faq": "faq faqs questions fragen preguntas domande perguntas häufige_fragen preguntas_frecuentes",
    "newsletter": "newsletter email_signup e-mail_signup mailing_list signup_form email_list infolettre boletín",
    "contact": "contact contact_form kontakt kontaktformular formulaire formulaire_de_contact contacto contatto "
    "contatti contato formulario_de_contacto booking bookings booking_form appointment* reservation* terminbuchung "
    "termine reservierung réservation rendez-vous reserva reservas prenotazion* agendamento kontaktformulars "
    "modulo_di_contatto formulário_de_contato enquiry_form inquiry_form",
}
_NOT = (
    "without no not ohne kein keine keinen keinem sans pas_de sin senza sem não nessun nessuna skip leave_out"
)
_BUT = "but with mit aber sondern avec mais con pero ma com and_with sowie"


def negated(words: tuple[Word, ...]) -> frozenset[int]:
    """The indices of words that a negation covers: up to the end of its clause, or eight words."""
    return frozenset(
        index for start, length in matches(_NOT, words) for index in _scope(words, start + length)
    )


def _scope(words: tuple[Word, ...], start: int) -> Iterator[int]:
    stops = {index for index, _ in matches(_BUT, words)}
    for index in range(start, min(start + 8, len(words))):
        if words[index].is_break or index in stops:
            return
        yield index


def read_wishes(
    words: tuple[Word, ...], refused_words: frozenset[int]
) -> tuple[frozenset[str], frozenset[str]]:
    """The sections (asked for, refused). Of two that contradict each other the later counts."""
    mentions = sorted(
        (index, section) for section, table in SECTIONS.items() for index, _ in matches(table, words)
    )
    last = {section: index in refused_words for index, section in mentions}
    return (
        frozenset(section for section, refused in last.items() if not refused),
        frozenset(section for section, refused in last.items() if refused),
    )
