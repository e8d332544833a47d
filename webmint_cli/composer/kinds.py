"""The kinds of site the composer knows, as one table.

A kind is found by its words in six languages. `word*` matches a beginning, `*word` an ending, `two_words` a
phrase; every other word matches whole words only, so "Speisekarte" is no "Karte". Accents and case are folded.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table. `family` and `name` are the keys of the copy banks, `hues` are OKLCH degrees.

    `pigment` is the hue of the motifs where it is not free (bread is brown on a blue page), else -1.
    """

    name: str
    family: str
    schema: str
    words: str
    sections: str
    motifs: str
    hues: tuple[int, ...]
    prices: tuple[float, ...] = ()
    pigment: float = -1


_ROWS = (
    Kind(
        "bakery", "food", "Bakery",
        "bakery bakeries baker bäckerei *bäckerei bäcker boulangerie boulanger pâtisserie konditorei panadería "
        "pastelería panetteria panificio forno pasticceria padaria pastelaria confeitaria",
        "menu about gallery hours contact", "loaf wheat croissant cup", (78, 20, 150, 245, 52),
        (5.2, 2.4, 1.9, 4.6, 3.2, 2.1), pigment=62,
    ),
    Kind(
        "restaurant", "food", "Restaurant",
        "restaurant* ristorante *restaurant bistro bistrot trattoria osteria pizzeria brasserie gasthaus gasthof "
        "wirtshaus restaurante taquería steakhouse diner tavern gastropub ramen sushi pub wine_bar weinbar bar_à_vin sushi_bar pizza_place",
        "menu about gallery hours contact", "plate pot leaf bottle", (25, 145, 55, 230, 5),
        (9.5, 12, 21, 24.5, 18, 8),
    ),
    Kind(
        "cafe", "food", "CafeOrCoffeeShop",
        "cafe café coffee coffee_shop coffeehouse coffee_bar kaffee kaffeehaus *rösterei espresso_bar tea_room "
        "teahouse salon_de_thé cafetería caffetteria roastery torréfacteur caffè",
        "menu about gallery hours contact", "cup leaf croissant sun", (160, 55, 30, 215, 95),
        (2.8, 3.6, 4.2, 3.9, 6.5, 4.4),
    ),
    Kind(
        "portfolio", "studio", "Person",
        "portfolio photographer* photography photograf* fotograf* photographe* photographie fotógraf* illustrator* "
        "illustrateur illustratrice ilustrador* illustratore artist künstler* artiste artista painter architect* "
        "architekt* architecte arquitect* architett*",
        "gallery offers about steps contact", "camera mountain frame sun", (30, 200, 150, 85, 350),
    ),
    Kind(
        "agency", "studio", "ProfessionalService",
        "agency agentur *agentur agence agencia agenzia agência freelancer* freelance webdesigner designer "
        "developer entwickler développeur desarrollador sviluppatore desenvolvedor design_studio copywriter studio",
        "offers gallery steps faq contact", "pencil window frame compass", (150, 25, 240, 95, 345),
    ),
    Kind(
        "saas", "software", "SoftwareApplication",
        "saas app software platform plattform plateforme plataforma piattaforma startup application anwendung "
        "dashboard api mobile_app web_app",
        "offers steps pricing faq contact", "window chart cursor compass", (165, 235, 25, 200, 130),
        (0, 12, 29),
    ),
    Kind(
        "shop", "goods", "Store",
        "shop store boutique webshop onlineshop online-shop online_shop online_store e-commerce ecommerce tienda "
        "negozio loja laden *laden geschäft magasin épicerie florist* bookshop buchhandlung librairie",
        "products about steps faq contact", "bag vase candle leaf", (145, 20, 70, 215, 355),
        (28, 16.5, 42, 12, 35, 19.5),
    ),
    Kind(
        "event", "gathering", "Event",
        "event* conference* konferenz* *konferenz conférence* conferencia* conferenza conferência festival* meetup "
        "workshop* summit kongress congress congrès congreso congresso concert* konzert* wedding* hochzeit* mariage "
        "boda matrimonio casamento veranstaltung* événement* evento* hackathon exhibition ausstellung",
        "schedule about offers pricing hours faq contact", "microphone ticket skyline sun", (15, 95, 235, 165, 345),
        (45, 90, 160),
    ),
    Kind(
        "blog", "writing", "Blog",
        "blog *blog weblog magazine magazin journal diary tagebuch revista rivista blogue",
        "posts about newsletter", "book pencil mountain leaf", (200, 30, 140, 90, 0),
    ),
    Kind(
        "clinic", "care", "MedicalClinic",
        "clinic klinik *klinik clinique clínica dentist* dental zahnarzt* zahnärzt* dentiste dentista dentaire "
        "doctor arzt arztpraxis ärztin praxis *praxis médecin médico physiotherap* physio kiné* tierarzt* vet "
        "veterinary vétérinaire veterinari* therapist psycholog* hausarzt* cabinet_dentaire",
        "offers steps hours faq contact", "tooth leaf drop clipboard", (205, 170, 230, 150, 30),
    ),
    Kind(
        "gym", "care", "ExerciseGym",
        "gym fitness fitnessstudio yoga yogastudio yoga_studio pilates pilates_studio crossfit gimnasio palestra "
        "salle_de_sport boxing dojo martial_arts dance_studio tanzschule climbing",
        "schedule offers pricing hours faq contact", "dumbbell lotus drop sun", (30, 160, 100, 220, 345),
        (14, 58, 119),
    ),
    Kind(
        "salon", "care", "HairSalon",
        "salon hairdresser* hair_salon barber* barbershop friseur* frisör* *friseur coiffeur coiffeuse coiffure "
        "salon_de_coiffure peluquería barbería parrucchier* barbiere cabeleireiro barbearia nagelstudio "
        "nail_studio beauty kosmetik* spa estética tattoo*",
        "menu gallery about hours contact", "scissors comb drop leaf", (5, 170, 60, 230, 110),
        (38, 24, 65, 48, 15, 30),
    ),
    Kind(
        "law", "counsel", "LegalService",
        "law lawyer* attorney* solicitor* law_firm kanzlei *kanzlei rechtsanwalt* rechtsanwält* anwalt* anwält* "
        "avocat* abogad* avvocat* advogad* consulting consultant* consultancy berater* beratung *beratung conseil "
        "consultor* consulen* accountant* steuerberat* notar notaire studio_legale cabinet_d_avocats",
        "offers about steps faq contact", "scale book skyline clipboard", (245, 150, 20, 195, 65),
    ),
    Kind(
        "nonprofit", "cause", "NGO",
        "non-profit nonprofit charity ngo verein *verein association asociación associazione associação ong "
        "stiftung fondation fundación fondazione fundação foundation gemeinnützig* volunteer* community_garden "
        "animal_shelter tierheim",
        "about offers steps newsletter faq contact", "hands leaf sun drop", (150, 40, 220, 95, 15),
    ),
    Kind(
        "course", "learning", "Course",
        "course* school schule *schule école escuela scuola escola kurs kurse *kurs cours curso* corso corsi academy "
        "akademie académie accademia bootcamp tutor* nachhilfe lessons unterricht language_school",
        "offers schedule steps pricing faq contact", "book cap pencil compass", (240, 155, 35, 90, 5),
        (49, 180, 320),
    ),
    Kind(
        "todo", "tool", "WebApplication",
        "to-do todo to-do_app todo_app to-do_list todo_list task_list task_manager task_app aufgabenliste "
        "to-do-app todo-app to-do-liste todo-liste to-do-list liste_de_tâches lista_de_tareas lista_de_tarefas "
        "lista_di_attività aufgaben-app checklist",
        "todo steps faq", "check clipboard sun leaf", (160, 30, 230, 95, 350),
    ),
    Kind(
        "calculator", "tool", "WebApplication",
        "calculator *rechner rechner calculatrice calculadora calcolatrice calculator_app",
        "calculator steps faq", "keypad chart compass pencil", (35, 200, 150, 85, 0),
    ),
    Kind(
        "soon", "general", "WebSite",
        "coming_soon coming-soon under_construction launching_soon launch_page waitlist warteliste in_kürze "
        "demnächst bientôt próximamente prossimamente em_breve",
        "newsletter", "sun mountain compass leaf", (45, 160, 230, 10, 100),
    ),
)  # fmt: skip

GENERAL = Kind(
    "general", "general", "Organization", "", "offers about steps faq contact",
    "compass leaf mountain sun", (150, 25, 225, 85, 345),
)  # fmt: skip

KINDS = {kind.name: kind for kind in (*_ROWS, GENERAL)}
