package ip

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// twin is a namespace in which the same commands lead to the same state.
func twin(t *testing.T, name string) *testnet.Namespace {
	t.Helper()
	testnet.Need(t, "ip", "iproute2")
	n := testnet.New(t, name)
	for _, conf := range []string{"default", "all"} {
		n.Sysctl("ipv6.conf."+conf+".addr_gen_mode", "1") // no link-local addresses, which come when they like
		n.Sysctl("ipv6.conf."+conf+".accept_dad", "0")
	}
	for command := range strings.SplitSeq(`link add eth0 address 00:16:3e:20:00:10 type veth peer name p0 address 00:16:3e:20:00:11
link set p0 up
link add eth1 address 00:16:3e:20:00:12 type veth peer name p1 address 00:16:3e:20:00:13`, "\n") {
		n.Run("ip", strings.Fields(command)...)
	}
	return n
}

// state is all that the commands change, as iproute2 reads it.
func state(n *testnet.Namespace) string {
	all := ""
	for _, args := range []string{"addr", "-4 route show table all", "-6 route show table all", "rule", "-6 rule"} {
		all += n.Run("ip", append([]string{"-j", "-p"}, strings.Fields(args)...)...)
	}
	neighs := lines(n.Run("ip", "neigh")) // in the order of a hash
	slices.Sort(neighs)
	return all + strings.Join(neighs, "\n")
}

// TestChangesWhatIproute2Changes gives the same commands to us in one namespace
// and to iproute2 in its twin. After "=" comes what iproute2 wants to hear where
// that is not the same; "!" marks commands that both must refuse, and "both:" what iproute2 does in both.
func TestChangesWhatIproute2Changes(t *testing.T) {
	mine, theirs := twin(t, "mine"), twin(t, "theirs")
	for line := range strings.SplitSeq(strings.TrimSpace(`
		link set eth0 mtu 1400 up
		link set dev eth1 address 00:16:3e:20:00:20
		link set eth1 addr 00:16:3e:20:00:21 mtu 1300
		l s eth1 up
		! link set eth9 up
		! link set eth0 mtu 20
		addr add 192.0.2.10/24 dev eth0 = addr add 192.0.2.10/24 brd + dev eth0
		addr add dev eth0 192.0.2.11/24 = addr add 192.0.2.11/24 brd + dev eth0
		! addr add 192.0.2.11/24 dev eth0
		addr add 192.0.2.12/24 brd - dev eth0 = addr add 192.0.2.12/24 dev eth0
		addr add 192.0.2.13/24 brd + dev eth0 label eth0:x
		addr add 192.0.2.14/24 broadcast 192.0.2.254 dev eth0
		addr add 2001:db8:77::10/64 dev eth0 nodad
		addr add 192.168.77.1/24 brd + dev eth1
		addr flush dev eth1 scope link
		addr flush eth1 scope global = addr flush dev eth1 scope global
		addr del 192.0.2.13/24 dev eth0
		addr add 198.51.100.1/31 dev eth0
		a a 10.0.0.1/32 peer 10.0.0.2/32 dev eth0
		addr add 2001:db8::10/64 dev eth0
		addr add 2001:db8:1::1/128 peer 2001:db8:1::2/128 dev eth0
		! addr del 192.0.2.99/24 dev eth0
		addr del 192.0.2.11/24 dev eth0
		addr del 10.0.0.1/32 peer 10.0.0.2/32 dev eth0
		rule add from 10.0.0.0/8 table 100 pref 100
		rule add not to 192.0.2.9 fwmark 0x5/0xff iif eth0 lookup 1000 pref 99
		rule add blackhole from 10.66.0.0/16 pref 98 = rule add from 10.66.0.0/16 pref 98 type blackhole
		rule add from 192.0.2.77 oif eth0 table main
		-6 rule add to 2001:db8:5::/48 table 5
		! rule add from 10.0.0.0/8 table 100 pref 100
		rule del prio 99
		rule add fwmark 7 table 7 prio 97
		rule del order 97
		rule del from 10.0.0.0/8
		! rule del pref 77
		ru d from 10.66.0.0/16 pref 98
		-6 rule del to 2001:db8:5::/48
		link add br7 address 00:16:3e:20:00:77 type bridge
		! link add br7 address 00:16:3e:20:00:77 type bridge
		link set eth1 master br7
		link set eth1 nomaster
		link set eth1 txqueuelen 77 arp off multicast off
		link set dev eth1 arp on promisc on allmulticast on
		link set eth1 promisc off qlen 1000
		link set eth1 down name lan7
		link set lan7 name eth1 up
		route add default via 192.0.2.1
		route add default via 192.0.2.2 dev eth0 metric 50
		! route add default via 192.0.2.3
		! route add 10.9.0.0/16 via 203.0.113.1
		route add 10.9.0.0/16 via 192.0.2.2 src 192.0.2.10
		route add 10.10.0.0/16 dev eth0
		route add 10.11.0.1 via 192.0.2.2 table 100
		r a 10.12.0.0/16 via 192.0.2.3 t 1000 metric 7
		route add blackhole 10.13.0.0/16
		route add unreachable default metric 4000
		route add prohibit 2001:db8:9::/48
		route add default via 2001:db8::1
		-6 route add default via 2001:db8::2 metric 2000
		route add 2001:db8:8::/48 dev eth0
		route replace default via 192.0.2.4
		route replace 10.14.0.0/16 via 192.0.2.5
		route append default via 192.0.2.5 metric 50
		route change default via 192.0.2.6
		! route change 10.99.0.0/16 via 192.0.2.6
		route add 10.30.0.0/16 via 10.31.0.1 dev eth0 onlink proto static mtu 1300 metric 9
		route add 10.32.0.0/16 dev eth0 scope global proto 99
		route add 2001:db8:30::/48 via 2001:db8::1 proto ra mtu 1400
		route flush proto 99
		route flush 10.30.0.0/16
		both: -6 route add 2001:db8:31::/48 from 2001:db8::/64 via 2001:db8::1
		-6 route flush root 2001:db8:30::/44
		route flush cache
		route add 10.30.0.0/17 via 192.0.2.5
		route add 10.30.0.0/18 via 192.0.2.5
		route flush root 10.30.0.0/16
		addr replace 192.0.2.14/24 brd + dev eth0
		addr change 192.0.2.15/24 brd + dev eth0
		addr del 192.0.2.15/24 dev eth0
		route del default metric 50
		route del default metric 50
		route del 10.9.0.0/16 via 192.0.2.2
		route del 10.10.0.0/16 dev eth0
		! route del 10.10.0.0/16
		! route del 10.11.0.1
		route del 10.11.0.1 table 100
		route del blackhole 10.13.0.0/16
		route del default via 2001:db8::1
		-6 r d default
		neigh add 192.0.2.40 lladdr 00:16:3e:20:00:40 dev eth0
		! neigh add 192.0.2.40 lladdr 00:16:3e:20:00:41 dev eth0
		neigh replace 192.0.2.40 lladdr 00:16:3e:20:00:41 dev eth0 nud stale
		neigh add 2001:db8::40 lladdr 00:16:3e:20:00:40 nud permanent dev eth0
		! neigh add 192.0.2.41 lladdr 00:16:3e:20:00:41 dev eth9
		neigh del 192.0.2.9 dev eth0
		! neigh del 192.0.2.99 dev eth0
		neigh del 2001:db8::9 dev eth0
		neigh flush dev eth0
		-6 addr flush dev eth0
		link set eth0 down
		link set eth0 up
		addr add 192.0.2.11/24 dev eth0 = addr add 192.0.2.11/24 brd + dev eth0
		addr flush dev eth0
		link del eth1
		! link del eth1`), "\n") {
		if strings.Contains(line, "neigh del 192.0.2.9 ") {
			learn(mine)
			learn(theirs)
		}
		line = strings.TrimSpace(line)
		if prepared, ok := strings.CutPrefix(line, "both: "); ok {
			mine.Run("ip", strings.Fields(prepared)...)
			theirs.Run("ip", strings.Fields(prepared)...)
			continue
		}
		follow(t, mine, theirs, line)
	}
}

// learn makes neighbours known, of which the permanent one outlives a flush.
func learn(n *testnet.Namespace) {
	for _, neigh := range []string{"192.0.2.9 nud stale", "192.0.2.8 nud permanent", "192.0.2.7 nud stale",
		"2001:db8::9 nud stale", "2001:db8::8 nud stale"} {
		n.Run("ip", strings.Fields("neigh add lladdr 00:16:3e:20:00:30 dev eth0 to "+neigh)...)
	}
}

// follow does one line of the test above.
func follow(t *testing.T, mine, theirs *testnet.Namespace, line string) {
	t.Helper()
	line, refused := strings.CutPrefix(line, "! ")
	command, other, differs := strings.Cut(line, " = ")
	if !differs {
		other = command
	}
	stdout, stderr, status := ours(t, mine, command)
	message, err := theirs.Try("ip", strings.Fields(other)...)
	if (status != exitOK) != refused || (err != nil) != refused || (stderr != "") != refused || stdout != "" {
		t.Errorf("ip %s: status %d, %q, %q\n-- iproute2: %v %s", command, status, stdout, stderr, err, message)
	}
	got, want := state(mine), state(theirs)
	for range 100 { // the kernel makes a new IPv6 address usable a moment later
		if got == want {
			return
		}
		time.Sleep(50 * time.Millisecond)
		got, want = state(mine), state(theirs)
	}
	if got != want {
		t.Fatalf("after ip %s: %s", command, difference(strings.Split(got, "\n"), strings.Split(want, "\n")))
	}
}

// TestVLAN: a kernel without VLANs refuses us as it refuses iproute2.
func TestVLAN(t *testing.T) {
	mine, theirs := twin(t, "mine"), twin(t, "theirs")
	const add = "link add link eth0 name eth0.7 type vlan id 7"
	_, stderr, status := ours(t, mine, add)
	_, err := theirs.Try("ip", strings.Fields(add)...)
	if err != nil {
		if status != exitFailed || !strings.Contains(stderr,
			"ip link add: eth0.7: this kernel or link cannot do that") {
			t.Errorf("without VLANs: %d, %s", status, stderr)
		}
		return
	}
	const read = "-d link show eth0.7"
	strip := func(out string) string { return strings.Join(lines(out), "\n") }
	got, want := strip(mine.Run("ip", strings.Fields(read)...)), strip(theirs.Run("ip", strings.Fields(read)...))
	if got != want || !strings.Contains(got, "vlan protocol 802.1Q id 7") {
		t.Errorf("%s\n-- iproute2:\n%s", got, want)
	}
}
