"""Directed scenarios: each brings about one trouble on purpose that random kills would need luck for."""

from tests.chaos.scenarios import broker, clocks, evaluation_sources, evaluations, jobs, leases, messages, providers, sources, watching
from tests.chaos.trial import Scenario

#: By name, in the order in which they are run.
SCENARIOS: dict[str, Scenario] = {
    "slow commit": Scenario("a message never overtakes its row", messages.slow_commit),
    "deliveries": Scenario("R3: each message delivered 20 times", messages.deliveries),
    "lost bells": Scenario("R7: no message that would finish anything arrives", messages.lost_bells),
    "flushes": Scenario("R5: FLUSHALL at random moments", messages.flushes),
    "sleepers": Scenario("a worker that slept longer than its lease wakes up and stores", leases.sleepers),
    "endless leases": Scenario("a row is held by a lease without an end", leases.endless_leases),
    "many finishers": Scenario("an import is finished by many at once", leases.many_finishers),
    "poison": Scenario("R8: a row kills each worker that takes it", leases.poison),
    "clocks": Scenario("R11: workers and sweeper with wrong clocks", clocks.wrong_clocks),
    "redis away": Scenario("R4: Redis dead, then accepting and never answering", broker.redis_away),
    "one key": Scenario("R17: many uploads at once with one idempotency key", broker.one_key),
    "sources": Scenario("R12: every way in which a source can fail", sources.failing_sources),
    "evaluations": Scenario("R1: parts killed at random in the middle of evaluations", evaluations.storm),
    "evaluations, deliveries": Scenario("R3: each message of an evaluation delivered 20 times", evaluations.deliveries),
    "evaluations, lost bells": Scenario("R7: no message by which an evaluation goes on arrives", evaluations.lost_bells),
    "evaluations, poison": Scenario("R8: a step kills each worker that takes it", evaluations.poison),
    "evaluations, takeover": Scenario("R2: what a killed worker had in hand is taken up elsewhere", evaluations.takeover),
    "evaluations, restarts": Scenario("R13: workers restarted one after the other", evaluations.restarts),
    "evaluations, sources": Scenario("R12: every way in which a third party can fail, in each step", evaluation_sources.failing),
    "evaluations, watchers": Scenario("R16: watchers whose connections are cut at random", watching.watchers),
    "jobs": Scenario("R1: parts killed at random while jobs are sent, polled and applied", jobs.storm),
    "jobs, deliveries": Scenario("R3: each message of a job delivered 20 times", jobs.deliveries),
    "jobs, lost bells": Scenario("R7: no message that a worker sends of a job arrives", jobs.lost_bells),
    "jobs, doubled parts": Scenario("R9: two beats, two pollers, two sweepers", jobs.doubled_parts),
    "jobs, hanging provider": Scenario("R10: many jobs polled while a provider hangs", jobs.hanging_provider),
    "jobs, providers": Scenario("R12: every way in which a provider can fail, at each thing it is asked for", providers.failing),
}
