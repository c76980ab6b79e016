package vmtest

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// astray is said of who sends in the name of a network that was there before.
const astray = "of no network there"

// changing is an appliance that is made other sites while it runs, and what the subtests of TestApply share.
type changing struct {
	*workstation // the laptop
	t            *testing.T
	wan, lan     *testnet.Namespace
	vm           *VM
	number       int // of the site that was kept last
}

// TestApply makes one appliance, in as little memory as it must get by with, other sites while it runs: with
// the push command of an administrator on its LAN and real clients. The subtests build on each other: the
// first that fails ends the test.
func TestApply(t *testing.T) {
	t.Parallel()
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	c := &changing{
		t:   t,
		wan: newSwitch(t, "wan", gateway+"/24", internet+"/32"),
		lan: newSwitch(t, "lan", storeAddr),
	}
	a := admin{from: newHost(t, c.lan, "00:00:5e:00:53:21"), key: img.Key, address: "192.168.32.1",
		knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	c.workstation = newWorkstation(t, a, "../../examples/home")
	c.vm = appliance(t, img, c.wan, c.lan, disk(ctx, t, img.Root))
	openShell(ctx, t, c.vm)
	udhcpc(ctx, t, c.from)
	for _, step := range []struct {
		name string
		run  func(ctx context.Context, t *testing.T, c *changing)
	}{
		{"a host is two lines and a push", newLines},
		{"what cuts the administrator off comes back by itself", cutOff},
		{"a LAN with other addresses is confirmed from there", renumbered},
		{"a service that refuses has all taken back", refusing},
		{"without room for it nothing is touched", fullDisk},
		{"of two who push at once one is told of the other", twoPushes},
		{"a hundred changes are felt by nobody", hundred},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(ctx, t, c) }) {
			return
		}
	}
}

// kept checks that a site runs which was pushed since the last one. Those that were taken back had numbers
// too.
func (c *changing) kept(ctx context.Context, t *testing.T, when string, but ...string) status {
	t.Helper()
	s := c.clean(ctx, t, when, but...)
	if s.Box.Site.Number <= c.number {
		t.Errorf("%s: site %d runs (%s), want one after %d", when, s.Box.Site.Number, s.Box.Site.Last, c.number)
	}
	c.number = s.Box.Site.Number
	return s
}

// same checks that the site runs which was kept last.
func (c *changing) same(ctx context.Context, t *testing.T, when string, but ...string) status {
	t.Helper()
	s := c.clean(ctx, t, when, but...)
	if s.Box.Site.Number != c.number {
		t.Errorf("%s: site %d runs (%s), want %d", when, s.Box.Site.Number, s.Box.Site.Last, c.number)
	}
	return s
}

// newLines gives the host that the administrator works at an address of its own.
func newLines(ctx context.Context, t *testing.T, c *changing) {
	c.add(t, "hosts", "192.168.32.50 laptop\n")
	c.mustPush(ctx, t)
	c.kept(ctx, t, "a host more")
	if got := udhcpc(ctx, t, c.from); got["ip"] != "192.168.32.50" || got["hostname"] != "laptop" {
		t.Errorf("the host got %v", got)
	}
	out, err := c.pushes(ctx)
	if err != nil || !strings.Contains(out, "The box is this site already.") {
		t.Errorf("pushed twice: %v\n%s", err, out)
	}
}

// moved is the site with other addresses on its LAN.
func (c *changing) moved(t *testing.T) *workstation {
	t.Helper()
	w := c.copied(t)
	for _, name := range []string{"site.toml", "hosts"} {
		w.change(t, name, "192.168.32.", "192.168.40.")
	}
	return w
}

func cutOff(ctx context.Context, t *testing.T, c *changing) {
	begin := time.Now()
	out, err := c.moved(t).pushes(ctx, "-within", "5s")
	if err == nil || time.Since(begin) < 5*time.Second {
		t.Errorf("nobody was cut off: %v after %v\n%s", err, time.Since(begin), out)
	}
	saysAll(t, "push", out, "ssh admin@192.168.40.1 gatehouse confirm", "push: ")
	// The login tries again until the box is back.
	s := c.same(ctx, t, "taken back", astray)
	saysAll(t, "status", s.Box.Site.Last, "taken back", "5s")
	if got := udhcpc(ctx, t, c.from); got["ip"] != "192.168.32.50" {
		t.Errorf("after it was taken back the host got %v", got)
	}
	rulesHold(ctx, t, c.admin)
}

// renumbered moves the LAN and back. The administrator is on both networks. His Linux tries to end what it
// began from the one to the other when he was cut off, and would ask who has the box's new address in the
// name of his former one, in which nobody is answered: so it asks in the name that fits (ip-sysctl,
// arp_announce). What he still sends to the address that is gone may be enough for the box to call him
// astray.
func renumbered(ctx context.Context, t *testing.T, c *changing) {
	c.from.Sysctl("ipv4.conf.all.arp_announce", "2")
	c.from.AddAddr(eth0, "192.168.40.9/24")
	c.moved(t).mustPush(ctx, t)
	back := c.address
	c.address = "192.168.40.1"
	s := c.kept(ctx, t, "on the new network", astray)
	if got := udhcpc(ctx, t, c.from); got["ip"] != "192.168.40.50" || got["serverid"] != "192.168.40.1" {
		t.Errorf("on the new network the host got %v", got)
	}
	if out, err := output(ctx, c.from, nil, "ping", "-c", "1", "-W", "1", back); err == nil {
		t.Errorf("the old address still answers:\n%s", out)
	}
	restarted(t, "moved", s, nil)
	c.from.AddAddr(eth0, "192.168.32.9/24")
	c.mustPush(ctx, t)
	c.address = back
	c.kept(ctx, t, "on the former network", astray)
	if got := udhcpc(ctx, t, c.from); got["ip"] != "192.168.32.50" {
		t.Errorf("on the former network the host got %v", got)
	}
	c.well(ctx, t, "when nobody is astray any more")
}

// restarted compares the services with what they were before: none may have been started again.
func restarted(t *testing.T, when string, now status, before []service) {
	t.Helper()
	for _, s := range now.Services {
		if s.State != "ready" || s.Restarts > 0 {
			t.Errorf("%s: %+v", when, s)
		}
		i := slices.IndexFunc(before, func(b service) bool { return b.Name == s.Name })
		if i >= 0 && before[i].PID != s.PID {
			t.Errorf("%s: %s is process %d, and was %d", when, s.Name, s.PID, before[i].PID)
		}
	}
}

// refusing has the place of a service's control socket taken by somebody else, so it cannot start.
func refusing(ctx context.Context, t *testing.T, c *changing) {
	before := c.clean(ctx, t, "before")
	c.must(ctx, t, "mkdir /run/gatehouse/radvd.sock")
	w := c.copied(t)
	w.change(t, "site.toml", `ipv4       = "192.168.32.1/24"`, `ipv6       = "fd00:32::1/64"`+"\n"+`ipv4       = "192.168.32.1/24"`)
	begin := time.Now()
	out, err := w.pushes(ctx, "-within", "1m")
	if took := time.Since(begin); err == nil || took > time.Minute { // else the end of the trial took it back
		t.Errorf("push: %v after %v\n%s", err, took, out)
	}
	saysAll(t, "push", out, "radvd", "address already in use", "the box is what it was")
	s := c.same(ctx, t, "taken back")
	restarted(t, "taken back", s, before.Services)
	rulesHold(ctx, t, c.admin)
}

// rulesHold asks the box whether its kernel has the rules of the site that runs.
func rulesHold(ctx context.Context, t *testing.T, a admin) {
	t.Helper()
	const same = "The kernel has the rules that were loaded, and they are what the site says.\n"
	if got := a.must(ctx, t, "gatehouse firewall diff"); got != same {
		t.Errorf("gatehouse firewall diff: %s", got)
	}
}

// world is what a change could touch.
const world = "ip address; ip route; cat /etc/hosts /etc/resolv.conf; ls /perm/site /run/gatehouse; " +
	"gatehouse history; gatehouse firewall diff"

func fullDisk(ctx context.Context, t *testing.T, c *changing) {
	before, was := c.clean(ctx, t, "before"), c.must(ctx, t, world)
	c.add(t, "hosts", "192.168.32.60 phone\n")
	c.must(ctx, t, "cat /dev/zero >/perm/fill 2>/dev/null; cat /dev/zero >>/perm/fill2 2>/dev/null; true")
	out, err := c.pushes(ctx)
	if err == nil {
		t.Errorf("push to a full disk:\n%s", out)
	}
	saysAll(t, "push", out, "nothing was touched", "no space left on device")
	c.must(ctx, t, "rm /perm/fill /perm/fill2")
	restarted(t, "no room", c.same(ctx, t, "no room"), before.Services)
	if is := c.must(ctx, t, world); is != was {
		t.Errorf("no room, but the world has become\n%s\nand was\n%s", is, was)
	}
	c.mustPush(ctx, t)
	c.kept(ctx, t, "with room")
}

// twoPushes has somebody push while another site is on trial, then two who know nothing of each other.
func twoPushes(ctx context.Context, t *testing.T, c *changing) {
	first, second := c.copied(t), c.copied(t)
	first.add(t, "hosts", "192.168.32.61 first\n")
	second.add(t, "hosts", "192.168.32.62 second\n")
	number := first.apply(ctx, t)
	out, err := second.pushes(ctx)
	if err == nil {
		t.Errorf("while another site was on trial:\n%s", out)
	}
	saysAll(t, "the second", out, "vmtest from 192.168.32.50", "is on trial for another", "gatehouse rollback takes it back")
	c.must(ctx, t, "gatehouse confirm "+number)
	c.kept(ctx, t, "the first")
	c.write(t, "hosts", first.read(t, "hosts"))

	var both sync.WaitGroup
	var says [2]string
	var errs [2]error
	for i, w := range []*workstation{c.workstation, second} {
		w.add(t, "hosts", "192.168.32.63 both\n")
		w.add(t, "ethers", []string{"00:00:5e:00:53:63 both\n", "00:00:5e:00:53:64 both\n"}[i])
		both.Go(func() { says[i], errs[i] = w.pushes(ctx) })
	}
	both.Wait()
	won := slices.Index(errs[:], nil)
	if won < 0 || errs[1-won] == nil {
		t.Fatalf("the one: %v\n%s\nthe other: %v\n%s", errs[0], says[0], errs[1], says[1])
	}
	told := says[1-won]
	if !strings.Contains(told, "is on trial for another") && !strings.Contains(told, "another site runs by now") {
		t.Errorf("who came too late is told\n%s", told)
	}
	c.kept(ctx, t, "the faster")
	winner := []*workstation{c.workstation, second}[won]
	const show = "gatehouse site /run/now >/dev/null && cat /run/now/ethers; rm -r /run/now"
	if got := c.must(ctx, t, show); got != winner.read(t, "ethers") {
		t.Errorf("what runs is not what was kept:\n%s", got)
	}
	for _, name := range []string{"hosts", "ethers"} {
		c.write(t, name, winner.read(t, name))
	}
}
