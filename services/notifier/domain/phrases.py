"""What mails and the pages behind their links say, by language. One key, one sentence.

Both languages hold the same keys with the same names in braces (a test says so). English is what
the contract's readers look for: its headings are those of the rules.
"""

from typing import Final

Phrases = dict[str, str]

ENGLISH: Final[Phrases] = {
    "hello": "Hello,",
    "hello_name": "Hello {name},",
    "of_target": "{value} of {target}{unit}",
    "no_target": "no target set",
    "year": "Year",
    "quarter": "Quarter",
    "from_to": "{first} to {last}",
    "quarter_of": "Q{number} ({first} to {last})",
    "moment": "{day}, {time} ({zone})",
    "success_plan": "Success plan",
    "progress_subject": "{title}: your progress as of {day}",
    "progress_as_of": "Progress as of {moment}",
    "progress_intro": "Here is where your success plan stands.",
    "progress_no_goals": "Your plan has no goals yet.",
    "progress_no_targets": "No targets are set for your plan yet.",
    "progress_one_reached": "The annual target is reached.",
    "progress_one_ahead": "The annual target is still ahead.",
    "progress_reached": "{reached} of {all} annual targets reached.",
    "plan_year": "Plan year: {year}",
    "current_quarter": "Current quarter: {quarter}",
    "corrected": "Corrected: {value}{unit} on {day}, not {was}{unit} as an earlier mail said.",
    "corrected_quarter": "Corrected: {value}{unit} in Q{quarter} on {day}, not {was}{unit} as an "
    "earlier mail said.",
    "because": "Why: {reasons}.",
    "record_account": "account “{name}”",
    "record_deal": "deal “{name}”",
    "record_lead": "lead “{name}”",
    "record_certification": "certification “{name}”",
    "record_partner_field": "field “{name}”",
    "change_gone": "{what} no longer counts",
    "change_came_late": "{what} was reported later",
    "change_added": "{what} counts now",
    "change_changed": "{what} counts {value}, not {was}",
    "more_change": "1 more change",
    "more_changes": "{number} more changes",
    "open_plan": "Open your plan",
    "plan_in_portal": "Your plan in the portal:",
    "progress_why": "You get this mail once a month while the plan runs, as an admin of your "
    "organization's partner account. It counts what was recorded by the time above.",
    "stop_these_mails": "Unsubscribe from these mails",
    "no_more": "No more of these mails:",
    "insights_subject": "Your seller insights",
    "insights_title": "Seller insights",
    "insights_privacy": "For your eyes only. Nobody but you can see what this email says: not your "
    "manager, not an administrator, not your team.",
    "insights_meaning": "What that means",
    "week": "the week from {first} to {last}",
    "summary": "Summary",
    "shares": "In {period}, {external}% of your collaboration was external (change: "
    "{external_change}) and {internal}% was internal (change: {internal_change}).",
    "peers": "People in similar roles: {external}% external, {internal}% internal.",
    "peers_of": "People in similar roles in {period}: {external}% external, {internal}% internal.",
    "nothing": "There was no collaboration to show for {period}.",
    "nothing_more": "Beyond these shares there was no collaboration to show.",
    "account": "Account",
    "group": "Group",
    "customers": "Time with customers",
    "customers_text": "Your hours with each customer, and how they changed.",
    "revenue": "Revenue",
    "hours": "Hours",
    "change": "Change %",
    "depth": "Depth of engagement",
    "depth_text": "People of each account with whom you had a meaningful interaction in the 28 "
    "days that end with this period.",
    "people": "People you engaged with",
    "networks": "Leverage internal networks",
    "networks_text": "Your hours with internal groups.",
    "manager": "Manager interactions",
    "leadership": "Connect with leadership",
    "manager_text": "One-to-one with your manager: {hours} hours. Your meeting hours with each "
    "customer, by who of your own came along.",
    "alone": "Alone",
    "with_manager": "With manager",
    "with_leadership": "With leadership",
    "suggestion": "Suggestion:",
    "explore": "Explore",
    "manage_meetings": "Manage meetings",
    "insights_why_monthly": "You get this email once a month because you take part in {plan}. It "
    "is meant to help you see how you spend your time with customers and colleagues.",
    "insights_why_weekly": "You get this email once a week because you take part in {plan}. It "
    "is meant to help you see how you spend your time with customers and colleagues.",
    "a_seller_plan": "a seller success plan",
    "questions": "Questions and answers",
    "stop_these_emails": "Unsubscribe from these emails",
    "no_more_emails": "No more of these emails:",
    "leave_plan": "Leave the plan",
    "opt_out": "Opt out for good",
    "advise_fallen": "You spent clearly less time with {account} than before. If that was not your "
    "choice, plan the next conversation now.",
    "advise_most": "More than half of your customer time went to {account}. See whether your other "
    "accounts get what they need.",
    "advise_only": "All of your customer time went to {account}. Think about which other account "
    "deserves an hour.",
    "advise_compare": "Compare your hours with what each account is worth, and move an hour where "
    "it counts.",
    "advise_thin": "At {account} you engaged with one person only. Ask that person to introduce "
    "you to somebody else.",
    "advise_deep": "You know several people at {account}. Think about who decides there, and "
    "whether you have met.",
    "advise_one_group": "All of your internal time was with {group}. Specialists of other groups "
    "may help your customers, too.",
    "advise_most_group": "More than half of your internal time was with {group}. Ask whether "
    "{other} could help you with a customer.",
    "advise_spread": "Your internal time is well spread. Keep the contacts that help your "
    "customers most.",
    "advise_alone": "You met {account} without your manager or a leader. For an important meeting, "
    "ask one of them to join.",
    "advise_one_to_one": "You had no one-to-one with your manager. Half an hour is enough to get "
    "help.",
    "advise_coming": "Look at your coming meetings, and decide where your manager would make a "
    "difference.",
    "partner_progress": "monthly success plan progress mails",
    "seller_insights": "seller insights mails",
    "unsubscribe_title": "Unsubscribe?",
    "unsubscribe_text": "will get no more {mails}.",
    "unsubscribe_button": "Unsubscribe",
    "unsubscribed": "Unsubscribed",
    "unsubscribed_text": "gets no more {mails}.",
    "change_mind": "Change your mind, or see all your mails",
    "your_mails": "Your mails",
    "your_mails_text": "A change counts from the next mail on.",
    "goes_to": "What goes to",
    "on": "On",
    "stopped": "Stopped",
    "stop": "Stop",
    "begin_again": "Begin again",
    "language": "Language",
    "language_text": "Of all mails to this address.",
    "save": "Save",
    "leave_title": "Leave the plan?",
    "leave_text": "You get no more of these emails, and what is held about you as a participant is "
    "deleted.",
    "leave_button": "Leave the plan",
    "leave_done": "You have left the plan",
    "opt_out_title": "Opt out?",
    "opt_out_text": "You leave the plan, what is held about you as a participant is deleted, and "
    "no plan can take you in again.",
    "opt_out_button": "Opt out",
    "opt_out_done": "You have opted out",
    "gone": "Nothing is held about you as a participant any more. An email that is on its way may "
    "still arrive.",
}

GERMAN: Final[Phrases] = {
    "hello": "Guten Tag,",
    "hello_name": "Guten Tag {name},",
    "of_target": "{value} von {target}{unit}",
    "no_target": "kein Ziel gesetzt",
    "year": "Jahr",
    "quarter": "Quartal",
    "from_to": "{first} bis {last}",
    "quarter_of": "Q{number} ({first} bis {last})",
    "moment": "{day}, {time} Uhr ({zone})",
    "success_plan": "Erfolgsplan",
    "progress_subject": "{title}: Ihr Stand am {day}",
    "progress_as_of": "Stand: {moment}",
    "progress_intro": "So weit ist Ihr Erfolgsplan.",
    "progress_no_goals": "Ihr Plan hat noch keine Ziele.",
    "progress_no_targets": "Für Ihren Plan sind noch keine Zielwerte gesetzt.",
    "progress_one_reached": "Das Jahresziel ist erreicht.",
    "progress_one_ahead": "Das Jahresziel liegt noch vor Ihnen.",
    "progress_reached": "{reached} von {all} Jahreszielen erreicht.",
    "plan_year": "Planjahr: {year}",
    "current_quarter": "Laufendes Quartal: {quarter}",
    "corrected": "Berichtigt: am {day} waren es {value}{unit}, nicht {was}{unit} wie in einer "
    "früheren Mail.",
    "corrected_quarter": "Berichtigt: am {day} waren es {value}{unit} in Q{quarter}, nicht "
    "{was}{unit} wie in einer früheren Mail.",
    "because": "Grund: {reasons}.",
    "record_account": "Kunde „{name}“",
    "record_deal": "Geschäft „{name}“",
    "record_lead": "Lead „{name}“",
    "record_certification": "Zertifizierung „{name}“",
    "record_partner_field": "Feld „{name}“",
    "change_gone": "{what} zählt nicht mehr",
    "change_came_late": "{what} wurde später gemeldet",
    "change_added": "{what} zählt jetzt",
    "change_changed": "{what} zählt {value} statt {was}",
    "more_change": "1 weitere Änderung",
    "more_changes": "{number} weitere Änderungen",
    "open_plan": "Plan öffnen",
    "plan_in_portal": "Ihr Plan im Portal:",
    "progress_why": "Sie erhalten diese Mail einmal im Monat, solange der Plan läuft, weil Sie das "
    "Partnerkonto Ihrer Organisation verwalten. Gezählt ist, was bis zum genannten Zeitpunkt "
    "erfasst war.",
    "stop_these_mails": "Diese Mails abbestellen",
    "no_more": "Diese Mails abbestellen:",
    "insights_subject": "Ihre Einblicke",
    "insights_title": "Ihre Einblicke",
    "insights_privacy": "Nur für Ihre Augen. Was in dieser Mail steht, sieht niemand außer Ihnen: "
    "nicht Ihre Führungskraft, nicht die Verwaltung, nicht Ihr Team.",
    "insights_meaning": "Was das heißt",
    "week": "die Woche vom {first} bis {last}",
    "summary": "Überblick",
    "shares": "Für {period}: {external} % Ihrer Zusammenarbeit war extern (Änderung: "
    "{external_change}), {internal} % war intern (Änderung: {internal_change}).",
    "peers": "Menschen in ähnlichen Rollen: {external} % extern, {internal} % intern.",
    "peers_of": "Menschen in ähnlichen Rollen, {period}: {external} % extern, {internal} % intern.",
    "nothing": "Für {period} gab es keine Zusammenarbeit, die sich zeigen ließe.",
    "nothing_more": "Über diese Anteile hinaus gab es keine Zusammenarbeit, die sich zeigen ließe.",
    "account": "Kunde",
    "group": "Gruppe",
    "customers": "Zeit mit Kunden",
    "customers_text": "Ihre Stunden mit jedem Kunden und wie sie sich geändert haben.",
    "revenue": "Umsatz",
    "hours": "Stunden",
    "change": "Änderung %",
    "depth": "Tiefe der Beziehung",
    "depth_text": "Menschen jedes Kunden, mit denen Sie in den 28 Tagen bis zum Ende dieses "
    "Zeitraums nennenswert zu tun hatten.",
    "people": "Menschen, mit denen Sie zu tun hatten",
    "networks": "Das eigene Netz nutzen",
    "networks_text": "Ihre Stunden mit Gruppen im eigenen Haus.",
    "manager": "Gemeinsam mit der Führungskraft",
    "leadership": "Draht zur Leitung",
    "manager_text": "Unter vier Augen mit Ihrer Führungskraft: {hours} Stunden. Ihre "
    "Besprechungsstunden mit jedem Kunden, danach, wer von Ihnen dabei war.",
    "alone": "Allein",
    "with_manager": "Mit Führungskraft",
    "with_leadership": "Mit Leitung",
    "suggestion": "Vorschlag:",
    "explore": "Erkunden",
    "manage_meetings": "Termine verwalten",
    "insights_why_monthly": "Sie erhalten diese Mail einmal im Monat, weil Sie an {plan} "
    "teilnehmen. Sie soll Ihnen zeigen, wie sich Ihre Zeit auf Kunden und Kollegen verteilt.",
    "insights_why_weekly": "Sie erhalten diese Mail einmal in der Woche, weil Sie an {plan} "
    "teilnehmen. Sie soll Ihnen zeigen, wie sich Ihre Zeit auf Kunden und Kollegen verteilt.",
    "a_seller_plan": "einem Erfolgsplan für den Vertrieb",
    "questions": "Fragen und Antworten",
    "stop_these_emails": "Diese Mails abbestellen",
    "no_more_emails": "Diese Mails abbestellen:",
    "leave_plan": "Den Plan verlassen",
    "opt_out": "Dauerhaft widersprechen",
    "advise_fallen": "Mit {account} haben Sie deutlich weniger Zeit verbracht als zuvor. War das "
    "nicht Ihre Absicht, planen Sie jetzt das nächste Gespräch.",
    "advise_most": "Mehr als die Hälfte Ihrer Kundenzeit ging an {account}. Sehen Sie nach, ob "
    "Ihre anderen Kunden bekommen, was sie brauchen.",
    "advise_only": "Ihre ganze Kundenzeit ging an {account}. Welcher andere Kunde hätte eine "
    "Stunde verdient?",
    "advise_compare": "Vergleichen Sie Ihre Stunden mit dem Gewicht jedes Kunden und verlegen Sie "
    "eine Stunde dorthin, wo sie zählt.",
    "advise_thin": "Bei {account} hatten Sie nur mit einem Menschen zu tun. Bitten Sie darum, "
    "jemand anderem vorgestellt zu werden.",
    "advise_deep": "Bei {account} kennen Sie mehrere Menschen. Wer entscheidet dort, und haben Sie "
    "sich schon getroffen?",
    "advise_one_group": "Ihre ganze interne Zeit galt {group}. Auch Fachleute anderer Gruppen "
    "können Ihren Kunden helfen.",
    "advise_most_group": "Mehr als die Hälfte Ihrer internen Zeit galt {group}. Fragen Sie, ob "
    "{other} Ihnen bei einem Kunden helfen könnte.",
    "advise_spread": "Ihre interne Zeit ist gut verteilt. Pflegen Sie die Kontakte, die Ihren "
    "Kunden am meisten helfen.",
    "advise_alone": "Mit {account} haben Sie sich ohne Führungskraft und Leitung getroffen. Bitten "
    "Sie bei einem wichtigen Termin jemanden dazu.",
    "advise_one_to_one": "Ein Gespräch unter vier Augen mit Ihrer Führungskraft gab es nicht. Eine "
    "halbe Stunde genügt, um Hilfe zu bekommen.",
    "advise_coming": "Sehen Sie Ihre nächsten Termine durch: Wo würde Ihre Führungskraft etwas "
    "bewegen?",
    "partner_progress": "monatlichen Mails zum Stand des Erfolgsplans",
    "seller_insights": "Mails mit Ihren Einblicken",
    "unsubscribe_title": "Abbestellen?",
    "unsubscribe_text": "erhält künftig keine {mails} mehr.",
    "unsubscribe_button": "Abbestellen",
    "unsubscribed": "Abbestellt",
    "unsubscribed_text": "erhält keine {mails} mehr.",
    "change_mind": "Es sich anders überlegen, oder alle Mails sehen",
    "your_mails": "Ihre Mails",
    "your_mails_text": "Eine Änderung gilt ab der nächsten Mail.",
    "goes_to": "Das geht an",
    "on": "Ein",
    "stopped": "Abbestellt",
    "stop": "Abbestellen",
    "begin_again": "Wieder beginnen",
    "language": "Sprache",
    "language_text": "Aller Mails an diese Adresse.",
    "save": "Speichern",
    "leave_title": "Den Plan verlassen?",
    "leave_text": "Sie erhalten diese Mails nicht mehr, und was über Sie als teilnehmende Person "
    "gespeichert ist, wird gelöscht.",
    "leave_button": "Den Plan verlassen",
    "leave_done": "Sie haben den Plan verlassen",
    "opt_out_title": "Widersprechen?",
    "opt_out_text": "Sie verlassen den Plan, was über Sie als teilnehmende Person gespeichert ist, "
    "wird gelöscht, und kein Plan kann Sie wieder aufnehmen.",
    "opt_out_button": "Widersprechen",
    "opt_out_done": "Sie haben widersprochen",
    "gone": "Über Sie als teilnehmende Person ist nichts mehr gespeichert. Eine Mail, die schon "
    "unterwegs ist, kann noch eintreffen.",
}
