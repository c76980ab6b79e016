package inet

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

func TestParsePing(t *testing.T) {
	plain := pingOptions{host: "h", network: "ip", interval: time.Second, patience: 10 * time.Second, size: 56}
	with := func(change func(*pingOptions)) *pingOptions {
		o := plain
		change(&o)
		return &o
	}
	for _, tt := range []struct {
		args string
		want *pingOptions
		err  string
	}{
		{"h", &plain, ""},
		{"-n h", &plain, ""},
		{"-4c3 h -i .2", with(func(o *pingOptions) { o.network, o.count, o.interval = "ip4", 3, 200*time.Millisecond }), ""},
		{"-6 -q -W 1.5 -w 9 h", with(func(o *pingOptions) {
			o.network, o.quiet, o.patience, o.deadline = "ip6", true, 1500*time.Millisecond, 9*time.Second
		}), ""},
		{"-s 1472 -t 3 -I eth0 h", with(func(o *pingOptions) { o.size, o.TTL, o.Device = 1472, 3, "eth0" }), ""},
		{"-I 192.0.2.1 h", with(func(o *pingOptions) { o.Source = netip.MustParseAddr("192.0.2.1") }), ""},
		{"", nil, "expected one host"},
		{"a b", nil, "expected one host"},
		{"-c -1 h", nil, "-c -1: expected a number from 0 to 2147483647"},
		{"-s 65508 h", nil, "-s 65508: expected a number from 0 to 65507"},
		{"-i 0 h", nil, "-i 0: expected seconds from 0.002 to 86400"},
		{"-i NaN h", nil, "-i NaN: expected seconds"},
		{"-i 1e30 h", nil, "-i 1e30: expected seconds"},
		{"-p 5a -A h", with(func(o *pingOptions) { o.pattern, o.adaptive = 0x5a, true }), ""},
		{"-p 5ax h", nil, "-p 5ax: expected a byte"},
	} {
		options, operands, err := getopt.Parse(strings.Fields(tt.args), Commands()["ping"].Letters)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parsePing(options, operands, "ip")
		if tt.want == nil {
			if err == nil || !strings.HasPrefix(err.Error(), tt.err) {
				t.Errorf("ping %s: %v, want %s", tt.args, err, tt.err)
			}
		} else if err != nil || !reflect.DeepEqual(got, *tt.want) {
			t.Errorf("ping %s: %+v, %v, want %+v", tt.args, got, err, *tt.want)
		}
	}
}

// pinged runs ping and returns its status and output.
func pinged(t *testing.T, args string) (status int, stdout, stderr string) {
	t.Helper()
	var out, diag bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	status = Commands()["ping"].Main()(ctx, append([]string{"ping"}, strings.Fields(args)...), strings.NewReader(""), &out, &diag)
	return status, out.String(), diag.String()
}

// TestPingKernel pings the real peer that is always there.
func TestPingKernel(t *testing.T) {
	for _, tt := range []struct {
		args, want string
		status     int
	}{
		{"-c 2 -i 0.01 127.0.0.1", `^PING 127\.0\.0\.1 \(127\.0\.0\.1\): 56 data bytes
64 bytes from 127\.0\.0\.1: seq=0 ttl=64 time=\d+\.\d{3} ms
64 bytes from 127\.0\.0\.1: seq=1 ttl=64 time=\d+\.\d{3} ms

--- 127\.0\.0\.1 ping statistics ---
2 packets transmitted, 2 packets received, 0% packet loss
round-trip min/avg/max = \d+\.\d{3}/\d+\.\d{3}/\d+\.\d{3} ms
$`, 0},
		{"-q -c 1 -s 20000 -4 localhost", `^PING localhost \(127\.0\.0\.1\): 20000 data bytes

--- localhost ping statistics ---
1 packets transmitted, 1 packets received, 0% packet loss
`, 0},
		{"-c 1 -I lo 127.0.0.1", `1 packets received, 0% packet loss`, 0},
		{"-c 1 -I 127.0.0.3 127.0.0.2", `bytes from 127\.0\.0\.2: `, 0},
		{"-c 1 -s 0 127.0.0.1", `8 bytes from `, 0},
	} {
		status, stdout, stderr := pinged(t, tt.args)
		if status != tt.status || stderr != "" || !regexp.MustCompile(tt.want).MatchString(stdout) {
			t.Errorf("ping %s: status %d, stdout:\n%sstderr:\n%s", tt.args, status, stdout, stderr)
		}
	}
}

func TestPingFails(t *testing.T) {
	for args, want := range map[string]string{
		"-c 1 no..name":                 "ping: bad address 'no..name'\n", // asks no resolver
		"-c 1 -4 ::1":                   "ping: ::1: no address of the wanted family",
		"-c 1 -I no-such-0 127.0.0.1":   "ping: interface no-such-0: ",
		"-c 1 -I 2001:db8::1 ::1":       "ping: source address 2001:db8::1: ",
		"-c 1 -I 2001:db8::1 127.0.0.1": "ping: 127.0.0.1: no address of the wanted family",
		"-x":                            "ping: unknown option -x\nusage: ping",
	} {
		status, stdout, stderr := pinged(t, args)
		if status != 1 || stdout != "" || !strings.HasPrefix(stderr, want) {
			t.Errorf("ping %s: status %d, stdout %q, stderr %q, want status 1 and %q", args, status, stdout, stderr, want)
		}
	}
}

// inNamespace marks the process that TestPingNetwork starts.
const inNamespace = "APPLETS_TEST_NAMESPACE"

// TestPingNetwork pings across networks that lose, refuse and expire packets. It
// runs itself again in a network namespace of its own, which needs root.
func TestPingNetwork(t *testing.T) {
	if os.Getenv(inNamespace) != "" {
		pingNetwork(t)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestPingNetwork$")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a network namespace (needs root): %v\n%s", err, out)
	}
}

func pingNetwork(t *testing.T) {
	for _, args := range []string{
		"link set lo up",
		"link add eth0 type veth peer name far0",
		"link set eth0 up", "link set far0 up",
		"addr add 192.0.2.1/24 dev eth0",
		"addr add 2001:db8::1/64 dev eth0 nodad",
		"neigh add 192.0.2.99 lladdr 02:00:00:00:00:99 dev eth0 nud permanent",   // nobody is there
		"neigh add 2001:db8::99 lladdr 02:00:00:00:00:99 dev eth0 nud permanent", // nor there
		"route add prohibit 198.51.100.0/24",
		"route add unreachable 2001:db8:1::/48",
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s (Debian package iproute2): %v\n%s", args, err, out)
		}
	}
	if out, err := exec.Command("ping", "-c", "1", "-w", "20", "2001:db8::1").CombinedOutput(); err != nil { // a link comes up when it likes
		t.Fatalf("ping (Debian package iputils-ping): %v\n%s", err, out)
	}
	for _, family := range []string{"ipv4", "ipv6"} { // three tries of 50 ms instead of a second
		if err := os.WriteFile("/proc/sys/net/"+family+"/neigh/eth0/retrans_time_ms", []byte("50"), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args   string
		status int
		want   string
	}{
		{"-c 1 192.0.2.1", 0, "64 bytes from 192.0.2.1: "},
		{"-c 1 2001:db8::1", 0, "64 bytes from 2001:db8::1: "},
		{"-c 2 -i 0.01 -W 0.05 192.0.2.99", 1, "\n2 packets transmitted, 0 packets received, 100% packet loss"},
		{"-c 2 -i 0.01 -W 0.05 2001:db8::99", 1, "\n2 packets transmitted, 0 packets received, 100% packet loss"},
		{"-w 0.05 192.0.2.99", 1, "\n1 packets transmitted, 0 packets received, 100% packet loss"},
		{"-c 1 192.0.2.50", 1, "ping: from 192.0.2.1: seq=0: Destination Host Unreachable\n"},
		{"-c 1 2001:db8::50", 1, "ping: from 2001:db8::1: seq=0: Destination unreachable: Address unreachable\n"},
		{"-c 1 203.0.113.1", 1, "Network is unreachable"},
		{"-c 1 198.51.100.1", 1, "Permission denied"},
		{"-c 1 2001:db8:1::1", 1, "No route to host"},
	} {
		status, stdout, stderr := pinged(t, tt.args)
		if status != tt.status || !strings.Contains(stdout+stderr, tt.want) {
			t.Errorf("ping %s: status %d, want %d and %q; stdout:\n%sstderr:\n%s", tt.args, status, tt.status, tt.want, stdout, stderr)
		}
	}
	roundTrips(t)
}

// roundTrips asks once, as a program does.
func roundTrips(t *testing.T) {
	for _, tt := range []struct{ target, device, want string }{
		{"192.0.2.1", "", ""},
		{"2001:db8::1", "", ""},
		{"192.0.2.99", "eth0", ErrNoReply.Error()},
		{"192.0.2.50", "eth0", "192.0.2.1 says: Destination Host Unreachable"},
		{"203.0.113.1", "", "network is unreachable"},
		{"192.0.2.1", "eth9", "interface eth9: listen ip4:icmp 0.0.0.0: no such device"},
	} {
		within := 10 * time.Second
		if tt.target == "192.0.2.99" {
			within = 50 * time.Millisecond // nobody is there, however long it is waited for
		}
		took, err := RoundTrip(t.Context(), netip.MustParseAddr(tt.target), tt.device, within)
		switch {
		case err == nil && tt.want == "" && took > 0:
		case err == nil || tt.want == "" || !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: %v, %v, want %q", tt.target, took, err, tt.want)
		}
	}
}
