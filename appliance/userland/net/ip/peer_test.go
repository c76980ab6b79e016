package ip

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// ours runs ip of this package in the namespace.
func ours(t *testing.T, n *testnet.Namespace, args string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	err := n.Do(func() error {
		status = Commands()["ip"].Main()(t.Context(), append([]string{"ip"}, strings.Fields(args)...), nil, &out,
			&errs)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), status
}

// leftOut is what iproute2 prints and we do not: the names of other namespaces, the kernel's own mark on
// addresses (since iproute2 6.2), what -d knows of a next hop with a number, and of "route get" the user and
// the cache.
func leftOut() *regexp.Regexp {
	return regexp.MustCompile(` link-netns [^\s\\]+| link-netnsid \d+| proto kernel_\w+| uid \d+|(?m:    cache.*$|^\tnh_info .*$)`)
}

// lines makes an output comparable: without what is left out, without spaces at
// the end of lines and double ones between words, and with the same number for
// seconds, which pass between two calls.
func lines(out string) (all []string) {
	out = leftOut().ReplaceAllString(out, "")
	out = regexp.MustCompile(`\d+sec`).ReplaceAllString(out, "Nsec")
	out = regexp.MustCompile(`used \d+/\d+/\d+`).ReplaceAllString(out, "used N")
	for line := range strings.SplitSeq(out, "\n") {
		if line = strings.TrimRight(line, " "); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// box is a namespace with what the kernel here can make of a router's links,
// addresses, routes and neighbours; all by iproute2.
func box(t *testing.T) *testnet.Namespace {
	t.Helper()
	testnet.Need(t, "ip", "iproute2")
	n, far := testnet.New(t, "box"), testnet.New(t, "far")
	n.Connect("eth2", far, "far0") // its peer is in another namespace
	n.Down("eth2")
	for command := range strings.SplitSeq(strings.TrimSpace(`
		link add eth0 type veth peer name p0
		link add eth1 mtu 1400 address 00:16:3e:20:00:10 type veth peer name p1
		link add br0 type bridge
		link set p1 master br0
		link set eth1 alias inside
		link property add dev eth1 altname lan0
		link set eth0 up
		link set p0 up
		link set eth1 up
		link set p1 up
		link set br0 up
		link add idle0 type veth peer name idle1
		link set idle0 up
		link set eth0 promisc on
		addr add 192.0.2.10/24 brd + dev eth0
		addr add 192.0.2.11/24 dev eth0 label eth0:x
		addr add 10.0.0.1 peer 10.0.0.2 dev eth1
		addr add 192.168.32.1/24 brd + dev eth1 scope link
		addr add 2001:db8::1/64 dev eth0 nodad
		addr add 2001:db8:1::1/64 dev eth1 nodad valid_lft 3600 preferred_lft 1800
		addr add 2001:db8:2::1 peer 2001:db8:2::2/128 dev eth1 nodad
		addr add 2001:db8:3::1/64 dev eth1 nodad preferred_lft 0 noprefixroute
		route add default via 192.0.2.1 proto 71
		route add default via 192.0.2.2 metric 50 proto static
		route add 10.9.0.0/16 via 192.0.2.2 metric 50 src 192.0.2.11
		route add blackhole 10.10.0.0/16
		route add unreachable 10.11.0.0/16 metric 7
		route add 10.12.0.0/16 nexthop via 192.0.2.5 weight 2 nexthop via 192.168.32.6 dev eth1
		route add 10.13.0.0/16 via inet6 fe80::5 dev eth0
		route add 10.14.0.0/16 via 192.0.2.9 mtu 1300 advmss 1200 table 100
		route add 10.15.0.1 via 172.16.1.1 dev eth0 onlink
		route add 10.16.0.0/16 dev idle0
		route add throw 10.17.0.0/16 table 1000
		route add prohibit 2001:db8:9::/48
		route add default via 2001:db8::2 proto ra
		route add default via fe80::1 dev eth0 metric 5
		-6 route add 2001:db8:12::/64 nexthop via 2001:db8::5 weight 2 nexthop via 2001:db8::6
		-6 route add 2001:db8:13::/64 via 2001:db8::5 pref high
		-6 route add 2001:db8:14::/64 via 2001:db8::5 pref low mtu 1400
		-6 route add 2001:db8:15::/64 from 2001:db8:1::/64 via 2001:db8::5
		-6 route add 2001:db8:16::/64 from 2001:db8:1::1 via 2001:db8::5 pref medium expires 4000
		neigh add 192.0.2.9 lladdr 00:16:3e:20:00:11 dev eth0
		neigh add 192.0.2.8 lladdr 00:16:3e:20:00:12 dev eth0 nud stale
		neigh add 192.168.32.11 lladdr 00:16:3e:20:00:13 dev eth1 nud reachable
		neigh add 192.0.2.7 dev eth0 nud failed
		neigh add 192.0.2.6 lladdr 00:16:3e:20:00:15 dev eth0 nud noarp
		neigh add 2001:db8::9 lladdr 00:16:3e:20:00:14 dev eth0 nud stale router
		rule add from 10.0.0.0/8 table 100 pref 100
		rule add not to 192.0.2.9 fwmark 0x5/0xff iif eth0 lookup 1000 pref 99
		rule add goto 32766 oif eth1 pref 98
		nexthop add id 5 via 192.0.2.7 dev eth0
		route add 10.18.0.0/16 nhid 5
		route add 10.19.0.0/16 dev eth0 window 1000 rtt 100ms rto_min 20ms initcwnd 10 quickack 1 congctl reno
		route add 10.20.0.0/16 via 192.0.2.9 mtu lock 1300 rtt 2s table 100 realm 3/5
		rule add iif eth0 prohibit pref 90
		rule add from 10.66.0.0/16 oif nosuch unreachable pref 91
		rule add from all ipproto tcp sport 100 dport 200-300 lookup 100 pref 92
		rule add from all uidrange 0-100 lookup 100 realms 3/5 pref 93
		rule add from all lookup main suppress_prefixlength 0 pref 94
		rule add from all tos 0x10 blackhole pref 95
		rule add nop pref 96
		rule add to 10.21.0.0/16 goto 40000 pref 97
		-6 rule add ipproto 58 prohibit pref 90 protocol static`), "\n") {
		n.Run("ip", strings.Fields(command)...)
	}
	return n
}

func TestShowsWhatIproute2Shows(t *testing.T) {
	n := box(t)
	n.Sysctl("ipv4.ip_forward", "1")
	for args := range strings.SplitSeq(strings.TrimSpace(`
		a|addr|address show|a s eth0|addr show dev eth1|addr show up|-4 a|-6 addr|-4 addr show dev eth2|-br a|-br -4 a|-brief addr show up
		l|link|link show eth1|link show dev lan0|link show up|-br l|-br link show dev eth0|-s link|-s -4 addr show dev eth1
		r|route|-4 r s|-6 r|-6 route show|route show table all|-6 r s table all|r s t 100|route list table local|r s dev eth0|-6 r s dev eth1
		r s default|-6 r s default|r s 10.9.0.0/16|r s 10.15.0.1|-6 r s 2001:db8:9::/48|r s table 1000|-br r
		route get 10.9.1.1|r g 10.12.0.1|r get 127.0.0.1|r get 2001:db8::77|r get 192.0.2.10|r get 2001:db8::1
		n|neigh|neighbour show|-4 n|-6 neigh|n s dev eth0|-br n|neigh show dev idle0
		rule|ru|-6 rule|rule show|-d rule|-o rule|rule show pref 92|ru s table 100|rule show table main pref 94
		-o link|-o a|-o -4 addr|-o -6 addr show dev eth0|-o r|-o -br a|-o n|-o -s link|-s -s link show eth0|-s -s -o l show dev eth1
		-d link show dev eth0|-d l show eth1|-d a s eth1|-d r|-d route show table all|-d -6 r|-d n
		link show type veth|link show type bridge|link show master br0|addr show scope link|-4 a s scope global|-6 a s scope link
		route show proto kernel|r s scope link|r s via 192.0.2.2|-6 r s proto ra|neigh show nud stale|n s nud permanent|n s nud all
		route get 192.0.2.77 from 192.0.2.11|route get 10.9.1.1 mark 5|r g 10.9.1.1 mark 17|route get 192.0.2.9 from 10.1.1.1 iif eth1|r get 192.0.2.9 oif eth0|r get 2001:db8:15::1 from 2001:db8:1::1|r get 2001:db8:13::1 oif eth0
		r s match 10.9.1.1|r s to match 10.15.0.1|r s root 10.8.0.0/13|r s exact 10.9.0.0/16|r s root default|-6 r s match 2001:db8::77|-6 r s root 2001:db8::/32
		r s src 192.0.2.11|r s metric 50|r s default metric 50|r s match default|a s to 192.0.2.0/24|a s to 192.0.2.10|-6 a s to 2001:db8::/64
		a s primary|a s secondary|a s permanent|a s dynamic|-6 a s deprecated|a s tentative|-4 a s primary scope global|-c=auto a|-color=never r
		n s 192.0.2.9|neigh show to 192.0.2.8/31|n s 2001:db8::/64 dev eth0
		maddr|maddress show dev eth0|-4 maddr|-6 maddr show lo|-o maddr|-o -6 maddr show dev eth0|-s neigh show nud permanent|-s n`), "|") {
		for args := range strings.SplitSeq(args, "\n") {
			if args = strings.TrimSpace(args); args != "" {
				compare(t, n, args)
			}
		}
	}
}

// TestJSON: what -j prints is what iproute2 prints, key by key, but for what is left out.
func TestJSON(t *testing.T) {
	n := box(t)
	for args := range strings.SplitSeq(`link|-p link show eth1|-br link|-s link show eth0|-s -s link show eth1|-d link show dev eth1|-d link show eth0
		addr|a s dev eth0|-4 addr|-6 addr show dev eth1|-br addr|-d addr show eth1|addr show up|addr show dev eth2
		route|-6 route|-d route|route show table all|r s default|r s dev eth0|r s proto static
		route get 10.9.1.1|route get 127.0.0.1|route get 2001:db8::77|r g 192.0.2.10|-6 -d route|-d -6 route show table all|r get 2001:db8:15::1 from 2001:db8:1::1|r get 10.9.1.1 mark 17
		neigh|neigh show dev eth0|-br neigh|rule|-6 rule|-d rule|rule show pref 92|route show table 100|maddr|maddr show dev eth1`, "|") {
		for args := range strings.SplitSeq(args, "\n") {
			args = "-j " + strings.TrimSpace(args)
			compareBy(t, n, args, jsonLines)
		}
	}
}

// jsonLines is JSON without what is left out, with sorted keys in lines. Empty objects stand for what
// iproute2 leaves out itself.
func jsonLines(out string) []string {
	var all []map[string]any
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		return []string{err.Error(), out}
	}
	all = slices.DeleteFunc(all, func(o map[string]any) bool { return len(o) == 0 })
	for _, o := range all {
		for _, key := range []string{"uid", "cache", "nh_info"} {
			delete(o, key)
		}
		addrs, _ := o["addr_info"].([]any)
		for _, a := range addrs {
			delete(a.(map[string]any), "protocol")
		}
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return []string{err.Error()}
	}
	return strings.Split(regexp.MustCompile(`("expires"|life_time"): (\d{1,9}\b|42949672[0-8]\d)`).ReplaceAllString(string(text), "$1: N"), "\n")
}

// moreForIPv6 takes away what iproute2 says about links for -4 and not for -6, and
// we for both.
func moreForIPv6(args, stdout string) string {
	if !strings.HasPrefix(args, "-6 a") {
		return stdout
	}
	return regexp.MustCompile(`( qdisc| master| group) \w+|(?m:^    altname .*$)`).ReplaceAllString(stdout, "")
}

// compare compares one output with that of iproute2. Counters and states change
// under the test's hands: what counts is a moment at which iproute2 says the same
// before and after.
func compare(t *testing.T, n *testnet.Namespace, args string) {
	t.Helper()
	compareBy(t, n, args, lines)
}

// compareBy is compare; comparable is what counts of an output.
func compareBy(t *testing.T, n *testnet.Namespace, args string, comparable func(string) []string) {
	t.Helper()
	const tries = 50
	for range tries {
		before := comparable(n.Run("ip", strings.Fields(args)...))
		stdout, stderr, status := ours(t, n, args)
		if !slices.Equal(before, comparable(n.Run("ip", strings.Fields(args)...))) {
			continue
		}
		got := comparable(moreForIPv6(args, stdout))
		if !slices.Equal(got, before) || stderr != "" || status != exitOK {
			t.Errorf("ip %s: status %d, %s\n%s", args, status, stderr, difference(got, before))
		}
		return
	}
	t.Errorf("ip %s: iproute2 itself never said the same twice", args)
}

// difference shows the lines from the first that differ.
func difference(got, want []string) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("line %d on:\n%s\n-- iproute2:\n%s", i+1, strings.Join(got[i:], "\n"), strings.Join(want[i:],
		"\n"))
}
