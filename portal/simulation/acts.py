"""Does what a plan says, each act by the function that a person's click or a job would call."""

from core.refusals import Refusal
from portal.simulation.giving_acts import Giving
from portal.simulation.member_acts import Members
from portal.simulation.planned import Event, Plan
from portal.simulation.stage import Stage


class Simulation:
    """One run of a plan: who gives and who joins, on one stage."""

    def __init__(self, plan: Plan) -> None:
        self.stage = Stage(plan)
        self.giving = Giving(self.stage)
        self.members = Members(self.stage)
        self.refused: dict[str, int] = {}

    def set_up(self) -> None:
        """Everything that stands before the first event."""
        self.stage.set_up()
        self.members.set_up()

    def happen(self, event: Event) -> None:
        """Do one event. What a rule refuses (a pool has too little) is counted and left."""
        try:
            if event.kind in Giving.acts:
                Giving.acts[event.kind](self.giving, **event.about)
            else:
                Members.acts[event.kind](self.members, **event.about)
        except Refusal as refusal:
            name = f"{event.kind}: {type(refusal).__name__}"
            self.refused[name] = self.refused.get(name, 0) + 1
