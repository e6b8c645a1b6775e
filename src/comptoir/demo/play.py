"""The demo's own process: the invented customers, and the mail server behind which they live."""

import signal

from comptoir.demo import seed, sink
from comptoir.demo.customers import Customers
from comptoir.demo.doors import SUPPORT, load_doors


def main(rate: float) -> None:
    """Run until SIGTERM or SIGINT at `rate` new messages a minute."""
    doors = load_doors()
    customers = Customers(doors, rate)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: customers.stop())
    with sink.mail_server(int(doors.mailboxes[SUPPORT].options["smtp_port"]), customers.hear) as port:
        seed.tell_port(doors, port)
        customers.run()
