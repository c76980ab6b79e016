package ss

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// box is a namespace with sockets of all kinds, which stay until the test ends.
func box(t *testing.T) *testnet.Namespace {
	t.Helper()
	testnet.Need(t, "ss", "iproute2")
	n, far := testnet.New(t, "box"), testnet.New(t, "far")
	n.Connect("eth0", far, "far0")
	n.Up("lo")
	n.Run("ip", "addr", "add", "192.0.2.1/24", "dev", "eth0")
	n.Run("ip", "addr", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
	dir := t.TempDir()
	var single net.ListenConfig
	single.SetMultipathTCP(false)
	err := n.Do(func() error {
		for _, at := range []string{"tcp4 127.0.0.1:22", "tcp4 0.0.0.0:443", "tcp6 [::1]:853", "tcp [::]:80",
			"unix " + dir + "/a", "unix @abstract",
			"unixpacket " + dir + "/q"} {
			network, addr, _ := strings.Cut(at, " ")
			l, err := single.Listen(t.Context(), network, addr)
			if err != nil {
				return err
			}
			t.Cleanup(func() { l.Close() })
		}
		for _, to := range []string{"tcp 127.0.0.1:22", "tcp 192.0.2.1:443", "tcp [::1]:853", "tcp 127.0.0.1:80",
			"udp 192.0.2.1:53", "udp [::1]:53",
			"unix " + dir + "/a"} {
			network, addr, _ := strings.Cut(to, " ")
			c, err := net.Dial(network, addr)
			if err != nil {
				return err
			}
			t.Cleanup(func() { c.Close() })
			if strings.HasPrefix(to, "tcp") {
				if _, err := fmt.Fprint(c, "hello"); err != nil {
					return err
				}
			}
		}
		for _, at := range []string{"udp4 0.0.0.0:68", "udp6 [::]:546", "udp [::]:53", "unixgram " + dir + "/d"} {
			network, addr, _ := strings.Cut(at, " ")
			var c any
			var err error
			if network == "unixgram" {
				c, err = net.ListenUnixgram(network, &net.UnixAddr{Name: addr, Net: network})
			} else {
				c, err = net.ListenPacket(network, addr)
			}
			if err != nil {
				return err
			}
			t.Cleanup(func() { c.(interface{ Close() error }).Close() })
		}
		return others(t)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// others makes sockets that package net does not.
func others(t *testing.T) error {
	for _, s := range [][3]int{
		{unix.AF_INET, unix.SOCK_DGRAM, 0}, {unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6},
		{unix.AF_PACKET, unix.SOCK_DGRAM, 0x0608}, {unix.AF_PACKET, unix.SOCK_RAW, 0x0300},
	} {
		fd, err := unix.Socket(s[0], s[1]|unix.SOCK_CLOEXEC, s[2])
		if err != nil {
			return err
		}
		t.Cleanup(func() { unix.Close(fd) })
		switch {
		case s[0] == unix.AF_INET:
			err = unix.BindToDevice(fd, "eth0")
			if err == nil {
				err = unix.Bind(fd, &unix.SockaddrInet4{Port: 67})
			}
		case s[0] == unix.AF_PACKET && s[1] == unix.SOCK_RAW:
			var link *net.Interface
			if link, err = net.InterfaceByName("eth0"); err == nil {
				err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: 0x0300, Ifindex: link.Index})
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ours runs ss of this package in the namespace.
func ours(t *testing.T, n *testnet.Namespace, args string) (stdout, stderr string, status int) {
	t.Helper()
	var out, complaints bytes.Buffer
	err := n.Do(func() error {
		status = Commands()["ss"].Main()(t.Context(), append([]string{"ss"}, strings.Fields(args)...), nil, &out,
			&complaints)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), complaints.String(), status
}

// leftOut is what we do not show: control groups, what BBR has beside, and who waits to be accepted.
func leftOut() *regexp.Regexp { return regexp.MustCompile(` cgroup:\S+| bbr:\S+| peers:[ \d]*`) }

// moving is what differs from moment to moment.
func moving() *regexp.Regexp {
	return regexp.MustCompile(` (lastsnd|lastrcv|lastack):\d+|,\d[^,]*(ms|sec),`)
}

// lines are those of an output in any order, with the spaces between its columns.
func lines(out string) []string {
	out = strings.ReplaceAll(leftOut().ReplaceAllString(out, ""), "\n\t", "\n\\t")
	out = strings.ReplaceAll(out, "RTNETLINK answers: Invalid argument\n", "") // to what this kernel does not list
	all := strings.Split(strings.ReplaceAll(moving().ReplaceAllString(out, " N"), "\n\\t", " \\t"), "\n")
	for i, line := range all {
		all[i] = strings.TrimRight(line, " ")
	}
	slices.Sort(all)
	return all
}

// TestShowsWhatIproute2Shows: the same sockets in the same columns. Sockets of netlink are not shown.
func TestShowsWhatIproute2Shows(t *testing.T) {
	n := box(t)
	for _, args := range strings.Split(strings.Join(strings.Fields(`-tn;-ltn;-atn;-tunap;-ltnp;-tulpn;-an4;-lnt6;-an6;-x;-xa;-xl;-xap;-wan;-n0;-unl;
		-un;-tan state listening;-tan state established;-tn state all;-tan exclude listening;-tan state bucket;-tan state connected exclude established;
		-tanH;-tane;-tano;-uane;-xae;-tani;-taniO;-tanio;-tanm;-uanm;-tanim;-xam;-A tcp,udp -an;-f inet -tan;-A u_str -a;-n -A inet;-lntu -4;-t4xan;
		-tan dst 127.0.0.1;-tan src 127.0.0.0/8;-tan src :22;-tan dst [::1];-tan dst [::1]:853;-tan src 192.0.2.1:443;
		-tan sport = :22;-tan sport = 22;-tan sport eq :ssh;-tan dport = :443 or sport = :443;-tan ( sport = :22 or dport = :22 );
		-tan sport != :22;-tan sport < :100;-tan sport >= :443 and src 192.0.2.1;-tan not sport = :22;-tan ! ( sport = :22 | dport = :22 );
		-uan dev eth0;-uan dev != eth0;-tan dst 127.0.0.1 sport = :22;-tan dport = :22 | dport = :80 & src 127.0.0.1;
		-s`), " "), ";") {
		if args = strings.TrimSpace(args); args == "" {
			continue
		}
		compare(t, n, args)
	}
}

func compare(t *testing.T, n *testnet.Namespace, args string) {
	t.Helper()
	for range 20 {
		before := lines(n.Run("ss", strings.Fields(args)...))
		stdout, stderr, status := ours(t, n, args)
		if !slices.Equal(before, lines(n.Run("ss", strings.Fields(args)...))) {
			continue
		}
		if got := lines(stdout); !slices.Equal(got, before) || stderr != "" || status != 0 {
			t.Errorf("ss %s: status %d, %s\n%s\n-- iproute2:\n%s", args, status, stderr, strings.Join(got, "\n"),
				strings.Join(before, "\n"))
		}
		return
	}
	t.Errorf("ss %s: iproute2 itself never said the same twice; now\n%s", args, n.Run("ss",
		strings.Fields(args)...))
}

// TestMisused: what is not understood is refused, and nothing is shown.
func TestMisused(t *testing.T) {
	n := testnet.New(t, "box")
	for args, want := range map[string]string{
		"-K":                 "unknown option -K",
		"-f ipx":             "ipx: expected inet, inet6, unix or link",
		"-A sctp":            "sctp: expected kinds",
		"state":              "state: expected a state after it",
		"state open":         "open: expected a state like",
		"-t dst":             "expected an address",
		"-t dst 1.2.3":       "1.2.3: expected an address like",
		"-t sport = :nosuch": "nosuch: expected a port",
		"-t ( sport = :22":   "expected )",
		"-t sport = :22 )":   "): expected nothing more",
		"-t dev nosuch":      "nosuch: expected a link",
		"-t sport = :22 and": "expected a condition",
		"-t " + strings.Repeat("! ", 100) + "sport = :22": "the filter is too deep",
	} {
		stdout, stderr, status := ours(t, n, args)
		if status != 255 || stdout != "" || !strings.HasPrefix(stderr, "ss: "+want) {
			t.Errorf("ss %s: status %d, %q, %q", args, status, stdout, stderr)
		}
	}
}

// TestWriteError: output that is lost is an error.
func TestWriteError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	var complaints bytes.Buffer
	if status := Commands()["ss"].Main()(t.Context(), []string{"ss", "-tan"}, nil, full,
		&complaints); status == 0 || complaints.Len() == 0 {
		t.Errorf("status %d, %s", status, &complaints)
	}
}

// FuzzFilter: no filter makes it panic.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"( sport = :22 or dst 1.2.3.4 )", "not dst [::1]:5", "1.2.3.4", "! ! !"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) {
		if filter, err := parseFilter([]string{s}); err == nil {
			filter.match(end{}, end{}, 0)
		}
	})
}
