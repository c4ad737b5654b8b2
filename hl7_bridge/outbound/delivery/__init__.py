"""What changed on a FHIR server reaches the systems that want to know, in order, once the network lets it.

Changes are read from the server's history, composed, and put into a durable queue together with the place in the
history that was reached; from there each partner gets its messages one after the other until it has accepted them.
Spec: https://hl7.org/fhir/R4/http.html#history
"""

from hl7_bridge.outbound.delivery.deliver import Delivery, deliver
from hl7_bridge.outbound.delivery.feed import Change, Feed, FeedError, HttpFeed
from hl7_bridge.outbound.delivery.outbox import Outbox, Outgoing, State
from hl7_bridge.outbound.delivery.partners import Destination, PartnersError, load_partners
from hl7_bridge.outbound.delivery.sqlite import SqliteOutbox

__all__ = [
    "Change",
    "Delivery",
    "Destination",
    "Feed",
    "FeedError",
    "HttpFeed",
    "Outbox",
    "Outgoing",
    "PartnersError",
    "SqliteOutbox",
    "State",
    "deliver",
    "load_partners",
]
