package machine

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

const arpCache = `entries  allocs   destroys hash_grows lookups  hits     res_failed rcv_probes_mcast rcv_probes_ucast periodic_gc_runs forced_gc_runs unresolved_discards table_fulls
0000000c 00004c2b 000050d7 00000002   00021805 0000669b 00000d98   00000000         00000000         0000090f         00000000       00024348            0000001f
0000000c 00004f3f 00004a87 00000004   00022130 000069c6 00000fa3   00000000         00000000         00000000         00000000       00026640            00000002
`

const snmp = `Ip: Forwarding DefaultTTL ReasmOKs ReasmFails FragOKs
Ip: 1 64 3 44 5
UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors
UdpLite: 9 9 9 9 9
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: 48232 58 0 48367 312 0 0 0 0
`

func TestParseCounters(t *testing.T) {
	softnet := "0b09e2db 00000004 00000007 00000000\n063444f4 00000010 0000000b 00000000\n"
	files := map[Counter]string{
		ARPTableFulls: arpCache, NDiscTableFulls: arpCache, SoftnetDropped: softnet, UDPReceiveBuffer: snmp, Reassembly: snmp,
		Reassembly6:       "Ip6ReasmOKs                     \t1\nIp6ReasmFails                   \t6\n",
		ListenOverflows:   "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 77 78\nIpExt: InNoRoutes\nIpExt: 0\n",
		UDP6ReceiveBuffer: "Udp6InErrors                    \t1\nUdp6RcvbufErrors                \t5\n", OOMKills: "oom_kill_x 3\noom_kill 2\n",
	}
	got := map[Counter]uint64{}
	for _, s := range sources() {
		var err error
		if got[s.counter], err = s.parse(files[s.counter]); err != nil {
			t.Errorf("%s: %v", s.counter, err)
		}
		for _, text := range []string{"", "\n", "entries table_fulls\n", "entries table_fulls\n1\n", "TcpExt: x\nTcpExt: x\n", "oom_kill\n", "1 x\n"} {
			if n, err := s.parse(text); err == nil {
				t.Errorf("%s: %q is read as %d", s.counter, text, n)
			}
		}
	}
	want := map[Counter]uint64{ARPTableFulls: 33, NDiscTableFulls: 33, SoftnetDropped: 20, UDPReceiveBuffer: 312,
		Reassembly: 44, Reassembly6: 6,
		ListenOverflows: 77, UDP6ReceiveBuffer: 5, OOMKills: 2}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// attribute is one of netlink, with its padding.
func attribute(kind uint16, payload ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(payload)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, payload...)
	return append(b, make([]byte, -len(b)&3)...)
}

func TestConntrackCounters(t *testing.T) {
	cpu := func(n byte) []byte {
		return slices.Concat([]byte{0, 0, 0, n}, attribute(9, 0, 0, 1, n), attribute(4, 0, 0, 0, 9), attribute(7, 1),
			attribute(10|1<<14, 0xff, 0xff, 0xff, 0xff), attribute(11, 0, 0, 0, n))
	}
	all := map[Counter]uint64{}
	for _, b := range [][]byte{cpu(1), cpu(2)} {
		if err := addConntrack(all, b); err != nil {
			t.Error(err)
		}
	}
	want := map[Counter]uint64{ConntrackInsertFailed: 2*256 + 3, ConntrackDrop: 2 * 0xffffffff, ConntrackEarlyDrop: 3}
	if d := cmp.Diff(want, all); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, b := range [][]byte{nil, {0, 0, 0}, {0, 0, 0, 0, 3, 0, 9, 0}, {0, 0, 0, 0, 9, 0, 9, 0}} {
		if addConntrack(all, b) == nil {
			t.Errorf("%v is no error", b)
		}
	}
}

// TestReadCounters: this kernel has all that every kernel has, and the socket whose receive buffer overflows
// is counted.
func TestReadCounters(t *testing.T) {
	ns := testnet.New(t, "box")
	ns.Run("ip", "link", "set", "lo", "up")
	ns.Run("nft", "add table inet t; add chain inet t c { type filter hook input priority 0; }; add rule inet t c ct state new accept")
	read := func() (all map[Counter]uint64) {
		t.Helper()
		if err := ns.Do(func() (err error) { all, err = ReadCounters(); return err }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := read()
	for _, c := range []Counter{SoftnetDropped, UDPReceiveBuffer, UDP6ReceiveBuffer, Reassembly, Reassembly6, ListenOverflows, OOMKills,
		ConntrackDrop, ConntrackEarlyDrop, ConntrackInsertFailed} {
		if _, ok := before[c]; !ok {
			t.Errorf("%s is not counted", c)
		}
	}
	overflow(t, ns)
	if after := read(); after[UDPReceiveBuffer] <= before[UDPReceiveBuffer] {
		t.Errorf("datagrams that found no room: %d, then %d", before[UDPReceiveBuffer], after[UDPReceiveBuffer])
	}
	var all map[Counter]uint64 // of the first namespace, which alone has neighbours counted
	all, err := ReadCounters()
	for _, c := range []Counter{ARPTableFulls, NDiscTableFulls} {
		if _, ok := all[c]; !ok || err != nil {
			t.Errorf("%s is not counted: %v", c, err)
		}
	}
}

func FuzzCounters(f *testing.F) {
	for _, seed := range []string{arpCache, snmp, "1 2\n", "oom_kill 1\n"} {
		f.Add([]byte(seed), uint64(7))
	}
	f.Add(slices.Concat([]byte{0, 0, 0, 0}, attribute(10, 0, 0, 0, 1)), uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, n uint64) {
		for _, s := range sources() {
			if _, err := s.parse(string(b)); err != nil && err.Error() == "" {
				t.Errorf("%s: an error without words", s.counter)
			}
		}
		before := maps.Clone(map[Counter]uint64{ConntrackDrop: 1})
		after := maps.Clone(before)
		if err := addConntrack(after, b); err == nil && after[ConntrackDrop] < before[ConntrackDrop] {
			t.Error("a sum has become less")
		}
		// What is written is read.
		text := fmt.Sprintf("a b\n%x 0\n%x 1\n", n&0xffffffff, n>>32)
		if got, err := sumOf(text, "a"); err != nil || got != n&0xffffffff+n>>32 {
			t.Errorf("%q: %d, %v", text, got, err)
		}
		if got, err := named(strings.Repeat("x 1\n", 3)+fmt.Sprintf("y %d\n", n), "y"); err != nil || got != n {
			t.Errorf("%d, %v; want %d", got, err, n)
		}
		if got, err := pairedLines(fmt.Sprintf("U: a b\nU: 0 %d\n", n), "U:", "b"); err != nil || got != n {
			t.Errorf("%d, %v; want %d", got, err, n)
		}
	})
}

// overflow sends more datagrams to a socket that nobody reads than its buffer takes.
func overflow(t *testing.T, ns *testnet.Namespace) {
	t.Helper()
	var to, from net.PacketConn
	err := ns.Do(func() (err error) {
		if to, err = net.ListenPacket("udp4", "127.0.0.1:0"); err == nil {
			from, err = net.ListenPacket("udp4", "127.0.0.1:0")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	defer from.Close()
	if err := to.(*net.UDPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := from.WriteTo(make([]byte, 1000), to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
}
