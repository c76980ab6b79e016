package vmtest

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
)

// withoutGuests is the office without its VLAN 20, with a server that has another address, and with one rule
// less and two more.
func (o *office) withoutGuests(t *testing.T) *workstation {
	t.Helper()
	w := o.desk.copied(t)
	text := w.read(t, "site.toml")
	begin := strings.Index(text, "[[lan]]\nname       = \"guests\"")
	end := begin + strings.Index(text[begin:], "# Printers, cameras")
	if begin < 0 || end < begin {
		t.Fatal("site.toml has no guests where they are looked for")
	}
	w.write(t, "site.toml", text[:begin]+text[end:])
	w.change(t, "site.toml", `"guests", `, ``)
	w.change(t, "site.toml", `, "guests"]`, `]`)
	w.change(t, "site.toml", `service = ["http", "https"]`, `service = "ssh"`) // intranet
	w.add(t, "site.toml", "[[firewall.deny]]\nname = \"no-names\"\nfrom = \"things\"\nto = \"box\"\nservice = \"dns\"\n")
	w.change(t, "hosts", "10.77.30.21 ", "10.77.30.41 ")
	return w
}

// officeWithoutGuests takes a network away. What its hosts had ends with it, and nobody else notices, but for
// what has changed.
func officeWithoutGuests(ctx context.Context, t *testing.T, o *office) {
	before := o.admin.clean(ctx, t, "before")
	o.withoutGuests(t).mustPush(ctx, t)
	s := o.admin.clean(ctx, t, "without guests")
	restarted(t, "without guests", s, before.Services)
	rulesHold(ctx, t, o.admin)
	if links := o.admin.must(ctx, t, "ip link"); strings.Contains(links, "eth1.20") || !strings.Contains(links, "eth1.30") {
		t.Errorf("the links are\n%s", links)
	}
	getsNothing(ctx, t, o.hosts["guest"])
	if got := udhcpc(ctx, t, o.hosts["camera1"]); got["ip"] != "10.77.30.41" || got["hostname"] != "camera1" {
		t.Errorf("camera1 with another address in hosts got %v", got)
	}
	o.namesRefused(ctx, t)
	o.serve(t)
	for _, c := range []struct{ from, to, port, want string }{
		{"laptop1", "web1", "22", "self"}, {"laptop1", "web1", "443", "refused"},
		{"laptop1", "outside", "443", "nat"}, {"laptop1", "outside", "25", "refused"},
		{"web1", "laptop1", "443", "refused"}, {"outside", "203.0.113.10", "443", "self"},
	} {
		from := o.addr(c.from, 0)
		want := map[string]string{"self": from, "nat": "203.0.113.10", "refused": "refused"}[c.want]
		if got := talk(ctx, o.on(c.from), from, net.JoinHostPort(o.addr(c.to, 0), c.port), want); got != want {
			t.Errorf("%s to %s port %s without guests: %s, want %s", c.from, c.to, c.port, got, want)
		}
	}
}

// namesRefused has a host ask that a rule does not let, and one that it does not speak of.
func (o *office) namesRefused(ctx context.Context, t *testing.T) {
	// What Linux makes of "administratively prohibited" by UDP, in the one family and the other.
	for server, want := range map[string]error{"10.77.30.1": syscall.EHOSTUNREACH, "2001:db8:50:30::1": syscall.EACCES} {
		got, err := resolve(ctx, o.hosts["camera1"], server, "web1.office.example")
		if err == nil || !strings.HasSuffix(err.Error(), want.Error()) {
			t.Errorf("%s tells camera1 that web1 is %q, %v, want that it is refused", server, got, err)
		}
		if err := dial(ctx, o.hosts["camera1"], net.JoinHostPort(server, "53")); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s lets camera1 ask by TCP (%v)", server, err)
		}
	}
	if got, err := resolve(ctx, o.hosts["laptop1"], "10.77.1.1", "camera1.office.example"); got != "10.77.30.41" {
		t.Errorf("camera1 is %q (%v)", got, err)
	}
}

// officeAgain brings the network back. Its guest has the address that it had, and packets go as they did.
func officeAgain(ctx context.Context, t *testing.T, o *office) {
	before := o.admin.clean(ctx, t, "before")
	o.desk.mustPush(ctx, t, "-m", "guests are back")
	restarted(t, "with guests again", o.admin.clean(ctx, t, "with guests again"), before.Services)
	for _, name := range []string{"guest", "camera1"} {
		if got := udhcpc(ctx, t, o.hosts[name]); got["ip"] != o.addr(name, 0) {
			t.Errorf("%s got %s, and had %s", name, got["ip"], o.addr(name, 0))
		}
	}
	officeStatus(ctx, t, o)
	officeLinks(ctx, t, o)
	officeNames(ctx, t, o)
	officePackets(ctx, t, o)
	saysAll(t, "history", o.admin.must(ctx, t, "gatehouse history"), "guests are back", "vmtest", "10.77.1.10", "running")
}
