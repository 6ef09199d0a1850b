from django.apps import AppConfig


class MembershipConfig(AppConfig):
    name = "membership"
    label = "membership"
    verbose_name = "Membership"

    def ready(self) -> None:
        from core.mailing.expectations import register
        from membership import expectations, seat_expectations, timeline, timeline_mails

        timeline_mails.register(timeline_mails.of_membership)
        timeline.register(timeline_mails.of_mails)
        register("membership.applicants", expectations.applicants)
        register("membership.reviewers", expectations.reviewers)
        register("membership.shares", expectations.shares)
        register("membership.invitations", seat_expectations.invitations)
        register("membership.requests", seat_expectations.requests)
        register("membership.agreements", seat_expectations.agreements)
        register("membership.seats", seat_expectations.acts)
