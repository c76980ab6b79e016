package sshadmin_test

import (
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

// inNamespace marks the process that TestListen starts.
const inNamespace = "SSHADMIN_TEST_NAMESPACE"

// TestListen listens on an address before it is there, and on one that only a
// certain interface may reach. It runs itself again in a network namespace of
// its own, which needs root.
func TestListen(t *testing.T) {
	if os.Getenv(inNamespace) != "" {
		listenInNamespace(t)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestListen$")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a network namespace (needs root): %v\n%s", err, out)
	}
}

// ip runs ip(8).
func ip(t *testing.T, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s (Debian package iproute2): %v\n%s", args, err, out)
	}
}

func listenInNamespace(t *testing.T) {
	ip(t, "link set lo up")
	ip(t, "link add lan0 type veth peer name far0")
	late := netip.MustParseAddrPort("192.168.32.1:2222")
	late6 := netip.MustParseAddrPort("[2001:db8::1]:2222")
	bound := netip.MustParseAddrPort("127.0.0.2:2222")
	any4, any6 := netip.MustParseAddrPort("0.0.0.0:2223"), netip.MustParseAddrPort("[::]:2223")
	var cfg sshcfg.Config
	d := start(t, func(c *sshcfg.Config) {
		c.Listen = []sshcfg.Endpoint{{Address: late}, {Address: late6}, {Address: bound, Interface: "lan0"},
			{Address: bound, Interface: "no-such-0"}, {Address: any4, Interface: "lan0"}, {Address: any6, Interface: "lan0"}}
		cfg = *c
	})
	ip(t, "link set lan0 up")
	ip(t, "link set far0 up")
	ip(t, "addr add 192.168.32.1/24 dev lan0")
	ip(t, "addr add 2001:db8::1/64 dev lan0 nodad")
	for _, addr := range []netip.AddrPort{late, late6} {
		d.addr = addr
		writeKnownHosts(t, d.known, addr, cfg.HostKeyFile)
		if got := run(t, d.ssh(t, nil, "echo $SSH_CLIENT"), nil); got.status != 0 || !strings.HasPrefix(got.stdout, addr.Addr().String()+" ") {
			t.Errorf("at %v: %+v", addr, got)
		}
	}
	for _, addr := range []string{"192.168.32.1:2223", "[2001:db8::1]:2223"} { // whatever addresses the link gets
		d.addr = netip.MustParseAddrPort(addr)
		writeKnownHosts(t, d.known, d.addr, cfg.HostKeyFile)
		if got := run(t, d.ssh(t, nil, "echo in"), nil); got.stdout != "in\n" {
			t.Errorf("at %v: %+v", addr, got)
		}
	}
	d.addr = bound // reached by lo, not by lan0
	if got := run(t, d.ssh(t, nil, "echo in"), nil); !strings.Contains(got.stderr, "Connection refused") {
		t.Errorf("past the interface: %+v, want: Connection refused", got)
	}
	if want := "not served until its link is there"; !strings.Contains(d.log.String(), want) {
		t.Errorf("log lacks %q:\n%s", want, d.log)
	}
	if got, want := d.problems(t), []string{"Nobody can log in at 127.0.0.2:2222 on no-such-0: link no-such-0 is not there."}; !slices.Equal(got, want) {
		t.Errorf("problems %q", got)
	}
	replaceLink(t, d, late, cfg.HostKeyFile)
}

// replaceLink takes the interface away and makes another of its name.
func replaceLink(t *testing.T, d *daemon, at netip.AddrPort, hostKey string) {
	cfg := d.cfg
	cfg.Listen = []sshcfg.Endpoint{{Address: at, Interface: "lan0"}}
	if err := d.s.Reconfigure(cfg); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		ip(t, "link del lan0")
		d.changed <- struct{}{}
		eventually(t, "nobody listens", func() bool { return len(d.problems(t)) == 1 })
		ip(t, "link add lan0 type veth peer name far0")
		ip(t, "link set lan0 up")
		ip(t, "addr add 192.168.32.1/24 dev lan0")
		d.changed <- struct{}{}
		eventually(t, "it is listened on again", func() bool { return len(d.problems(t)) == 0 })
	}
	ip(t, "link del lan0") // nobody saw it missing
	ip(t, "link add lan0 type veth peer name far0")
	before := strings.Count(d.log.String(), "msg=served")
	d.changed <- struct{}{}
	eventually(t, "the other one is listened on", func() bool { return strings.Count(d.log.String(), "msg=served") == before+1 })
}
