"""paho's MQTT client, which tells a broker that a message is received when our work on it is done.

With `manual_ack` that is so for QoS 1.  Of QoS 2 paho says PUBREC, by which a receiver takes a
message over, as soon as it comes: a process that is killed then has lost it.  Here PUBREC waits as
well, so that QoS 2 keeps what QoS 1 keeps.  Source: MQTT 5.0, 4.3.3 and 4.6.

This module imports paho: whoever needs it imports it when a source is opened.
"""

from __future__ import annotations

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode


class LateClient(Client):
    """Hands each message out when it comes, of any QoS, and once for each time it comes."""

    def take_over(self, mid: int, qos: int) -> MQTTErrorCode:
        """Its work is done: never send it again.  `mid` is its packet identifier."""
        return super()._send_pubrec(mid) if qos == 2 else self.ack(mid, qos)

    def _send_pubrec(self, mid: int) -> MQTTErrorCode:
        return MQTTErrorCode.MQTT_ERR_SUCCESS  # `take_over` says it

    def _handle_publish(self) -> MQTTErrorCode:
        code = super()._handle_publish()
        while self._in_messages:  # of QoS 2: paho would keep it until PUBREL, which we bring about
            _, message = self._in_messages.popitem(last=False)
            self._handle_on_message(message)
        return code

    def _handle_pubrel(self) -> MQTTErrorCode:
        self.manual_ack_set(False)  # so that PUBCOMP is said at once: the work is done
        try:
            return super()._handle_pubrel()
        finally:
            self.manual_ack_set(True)
