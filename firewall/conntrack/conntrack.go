// Package conntrack lists the conversations that the kernel knows, and has it forget some.
//
// The table may have a hundred thousand entries: they are handed on one by one as the kernel sends them
// (ctnetlink), and none is kept. What it lists is no moment's picture: a conversation that begins or ends
// meanwhile may be missing or there. It needs CAP_NET_ADMIN in the network namespace of the calling thread.
package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// A Flow is a conversation of two hosts. Ports are 0 where the protocol has none.
type Flow struct {
	Proto               uint8          // of IANA's protocol numbers
	Source, Destination netip.AddrPort // of the first packet, as it came
	// ReplySource and ReplyDestination are those of the answers as they come: they differ from Destination
	// and Source if these are translated.
	ReplySource, ReplyDestination netip.AddrPort
	// Sent and Received are what the two sides have sent so far, the one that began first. They are zero if
	// the kernel does not count (net.netfilter.nf_conntrack_acct), or was told to only later.
	Sent, Received firewall.Count
	// Assured: it has gone both ways for some time, so that the kernel keeps it when there is no room. Ended:
	// TCP that both sides have closed, or one has broken off.
	Assured, Ended bool

	id    uint32
	zone  uint16
	tuple []byte // of Source and Destination, as the kernel has it
}

const subsystem = unix.NFNL_SUBSYS_CTNETLINK << 8

// Each calls each for every conversation. each must not ask the kernel anything by this package.
func Each(each func(Flow)) error {
	request := nl.NewNetlinkRequest(subsystem|nl.IPCTNL_MSG_CT_GET, unix.NLM_F_DUMP)
	request.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_UNSPEC})
	var broken error
	err := request.ExecuteIter(unix.NETLINK_NETFILTER, subsystem|nl.IPCTNL_MSG_CT_NEW, func(b []byte) bool {
		f, err := parseFlow(b)
		if err != nil {
			broken = err
			return true
		}
		each(f)
		return true
	})
	if errors.Is(err, nl.ErrDumpInterrupted) {
		err = nil // the table changed meanwhile, as it always does
	}
	if err == nil {
		err = broken
	}
	if err != nil {
		return fmt.Errorf("conntrack: list: %w", err)
	}
	return nil
}

const (
	// forgotten is how many conversations are found before they are forgotten, so that memory is bounded.
	forgotten = 4096
	// passes bounds how often Forget looks for more: above what any table holds.
	passes = 64
)

// Forget has the kernel forget the conversations that match, and says how many. The short cut of a flowtable
// ends for them too, at the kernel's next look (each second). A packet that goes on with one begins a new
// one, if the rules let it.
func Forget(match func(Flow) bool) (n int, err error) {
	for range passes {
		var found []Flow
		err := Each(func(f Flow) {
			if len(found) < forgotten && match(f) {
				found = append(found, f)
			}
		})
		if err != nil {
			return n, err
		}
		for _, f := range found {
			switch err := f.forget(); {
			case err == nil:
				n++
			case !errors.Is(err, unix.ENOENT): // it ended by itself
				return n, fmt.Errorf("conntrack: forget %v to %v: %w", f.Source, f.Destination, err)
			}
		}
		if len(found) < forgotten {
			break
		}
	}
	return n, nil
}

func (f Flow) forget() error {
	request := nl.NewNetlinkRequest(subsystem|nl.IPCTNL_MSG_CT_DELETE, unix.NLM_F_ACK)
	family := uint8(unix.AF_INET6)
	if f.Source.Addr().Is4() {
		family = unix.AF_INET
	}
	request.AddData(&nl.Nfgenmsg{NfgenFamily: family})
	request.AddData(nl.NewRtAttr(nl.CTA_TUPLE_ORIG|unix.NLA_F_NESTED, f.tuple))
	request.AddData(nl.NewRtAttr(nl.CTA_ID, binary.BigEndian.AppendUint32(nil, f.id)))
	if f.zone != 0 {
		request.AddData(nl.NewRtAttr(nl.CTA_ZONE, binary.BigEndian.AppendUint16(nil, f.zone)))
	}
	_, err := request.Execute(unix.NETLINK_NETFILTER, 0)
	return err
}
