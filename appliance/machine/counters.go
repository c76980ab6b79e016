package machine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Counter is something that the kernel refuses and counts, since its start or that of the network namespace.
type Counter string

// The counters, and where the kernel has them.
const (
	// Of ctnetlink's statistics (enum ctattr_stats_cpu), which conntrack -S shows:
	// packets for which no conversation could be made
	ConntrackDrop Counter = "conntrack_drop"
	// conversations that ended for others to have room
	ConntrackEarlyDrop    Counter = "conntrack_early_drop"
	ConntrackInsertFailed Counter = "conntrack_insert_failed" // packets whose conversation could not be kept

	ARPTableFulls   Counter = "arp_table_fulls"   // table_fulls of /proc/net/stat/arp_cache
	NDiscTableFulls Counter = "ndisc_table_fulls" // that of ndisc_cache
	// /proc/net/softnet_stat: packets that came faster than they were taken
	SoftnetDropped Counter = "softnet_dropped"

	UDPReceiveBuffer  Counter = "udp_rcvbuf_errors"  // RcvbufErrors of /proc/net/snmp
	UDP6ReceiveBuffer Counter = "udp6_rcvbuf_errors" // Udp6RcvbufErrors of /proc/net/snmp6
	// ReasmFails of /proc/net/snmp: fragments of packets that were never whole
	Reassembly  Counter = "ip_reasm_fails"
	Reassembly6 Counter = "ip6_reasm_fails" // Ip6ReasmFails of /proc/net/snmp6
	// of /proc/net/netstat: connections that nobody accepted in time
	ListenOverflows Counter = "listen_overflows"
	// oom_kill of /proc/vmstat, with CONFIG_VM_EVENT_COUNTERS
	OOMKills Counter = "oom_kills"
)

// netFiles is where thread-self(5) has those of its network namespace.
const netFiles = "thread-self/net/"

// source is a file of proc(5) with a counter in it.
type source struct {
	counter Counter
	file    string
	parse   func(text string) (uint64, error)
}

func sources() []source {
	return []source{
		{ARPTableFulls, netFiles + "stat/arp_cache", func(text string) (uint64, error) {
			return sumOf(text, "table_fulls")
		}},
		{NDiscTableFulls, netFiles + "stat/ndisc_cache", func(text string) (uint64, error) {
			return sumOf(text, "table_fulls")
		}},
		{SoftnetDropped, netFiles + "softnet_stat", parseSoftnet},
		{UDPReceiveBuffer, netFiles + "snmp", func(text string) (uint64, error) {
			return pairedLines(text, "Udp:", "RcvbufErrors")
		}},
		{Reassembly, netFiles + "snmp", func(text string) (uint64, error) {
			return pairedLines(text, "Ip:", "ReasmFails")
		}},
		{Reassembly6, netFiles + "snmp6", func(text string) (uint64, error) {
			return named(text, "Ip6ReasmFails")
		}},
		{ListenOverflows, netFiles + "netstat", func(text string) (uint64, error) {
			return pairedLines(text, "TcpExt:", "ListenOverflows")
		}},
		{UDP6ReceiveBuffer, netFiles + "snmp6", func(text string) (uint64, error) {
			return named(text, "Udp6RcvbufErrors")
		}},
		{OOMKills, "vmstat", func(text string) (uint64, error) { return named(text, "oom_kill") }},
	}
}

// ReadCounters reads what the kernel has refused. A counter that this kernel does not have is not there, nor
// one that it does not tell, which is an error as well.
func ReadCounters() (map[Counter]uint64, error) {
	all, errs := map[Counter]uint64{}, []error(nil)
	for _, s := range sources() {
		n, err := readProc(s.file, s.parse)
		switch {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, errUncounted):
		case err != nil:
			errs = append(errs, err)
		default:
			all[s.counter] = n
		}
	}
	stats, err := conntrackStats()
	if err != nil {
		errs = append(errs, fmt.Errorf("statistics of conntrack: %w", err))
	}
	for _, b := range stats {
		errs = append(errs, addConntrack(all, b))
	}
	return all, errors.Join(errs...)
}

// conntrackStats lists a message per CPU. A kernel without conntrack has none.
func conntrackStats() ([][]byte, error) {
	// IPCTNL_MSG_CT_GET_STATS_CPU; the answers have the type of the request
	const getStats = unix.NFNL_SUBSYS_CTNETLINK<<8 | 4
	request := nl.NewNetlinkRequest(getStats, unix.NLM_F_DUMP)
	request.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_UNSPEC, Version: nl.NFNETLINK_V0})
	all, err := request.Execute(unix.NETLINK_NETFILTER, 0)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) ||
		errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil, nil // by netfilter without this subsystem, and by a kernel without netfilter
	}
	return all, err
}

// addConntrack adds what one CPU has counted: nfgenmsg, then attributes with a number of 32 bits each, in
// network byte order.
func addConntrack(all map[Counter]uint64, message []byte) error {
	wanted := map[uint16]Counter{ // enum ctattr_stats_cpu of linux/netfilter/nfnetlink_conntrack.h
		9:  ConntrackInsertFailed,
		10: ConntrackDrop,
		11: ConntrackEarlyDrop,
	}
	const head, number = 4, 4
	if len(message) < nl.SizeofNfgenmsg {
		return errors.New("statistics of conntrack: a message without its header")
	}
	for rest := message[nl.SizeofNfgenmsg:]; len(rest) >= head; {
		n := int(binary.NativeEndian.Uint16(rest))
		if n < head || n > len(rest) {
			return fmt.Errorf("statistics of conntrack: an attribute of %d bytes in %d", n, len(rest))
		}
		kind := binary.NativeEndian.Uint16(rest[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
		counter, ok := wanted[kind]
		if ok && n == head+number {
			all[counter] += uint64(binary.BigEndian.Uint32(rest[head:]))
		}
		rest = rest[min(len(rest), (n+head-1)&^(head-1)):]
	}
	return nil
}

// sumOf adds up a column of hexadecimal numbers below its name: a line for each CPU, as files of
// /proc/net/stat have.
func sumOf(text, column string) (sum uint64, err error) {
	head, rest, _ := strings.Cut(text, "\n")
	return addUp(rest, indexOf(head, column), column)
}

// parseSoftnet reads /proc/net/softnet_stat: hexadecimal, a line for each CPU, the packets that were dropped
// in the second column (softnet_seq_show of the kernel's net/core/net-procfs.c).
func parseSoftnet(text string) (uint64, error) { return addUp(text, 1, "dropped") }

func addUp(lines string, column int, name string) (sum uint64, err error) {
	rows := 0
	for line := range strings.Lines(lines) {
		fields := strings.Fields(line)
		if column < 0 || column >= len(fields) {
			return 0, fmt.Errorf("no column %s", name)
		}
		n, err := strconv.ParseUint(fields[column], 16, 32)
		if err != nil {
			return 0, fmt.Errorf("column %s: %w", name, err)
		}
		sum += n
		rows++
	}
	if rows == 0 {
		return 0, errors.New("no line for any CPU")
	}
	return sum, nil
}

// pairedLines reads a number from two lines that begin with the same word, names and then numbers, as those
// of /proc/net/snmp do.
func pairedLines(text, word, column string) (uint64, error) {
	at := -1
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, word) {
			continue
		}
		if at < 0 {
			if at = indexOf(line, column); at < 0 {
				break
			}
			continue
		}
		fields := strings.Fields(line)
		if at >= len(fields) {
			break
		}
		return strconv.ParseUint(fields[at], 10, 64)
	}
	return 0, fmt.Errorf("no %s %s", word, column)
}

// errUncounted is that a kernel does not have a counter, by its configuration.
var errUncounted = errors.New("no such counter")

// named reads the number on the line that begins with a name, of a list that has what the kernel was made
// with.
func named(text, name string) (uint64, error) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == name {
			return strconv.ParseUint(fields[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s: %w", name, errUncounted)
}

// indexOf is where a word stands in a line, -1 if it does not.
func indexOf(line, word string) int { return slices.Index(strings.Fields(line), word) }
