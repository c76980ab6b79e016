package rtnl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// redetectEvery is how often it is looked for link-local addresses that another station had.
	redetectEvery = time.Minute
	// protocolLL is who makes them, as IFA_PROTO of the kernel: IFAPROT_KERNEL_LL of linux/if_addr.h.
	protocolLL = 3
)

// A redetector has the kernel look again for a link-local address of its own that another station had when
// the link came up (RFC 4862 5.4). The kernel looks once, and goes without one for good: so one forged packet
// in that second would take IPv6 from a LAN until the next restart. A station that really has it is found
// again each time.
//
//	the link comes ─► looked for ─ nobody has it ─► used
//	                   ▲      └─── another has it ─► none ─┐
//	                   └───────── a minute later ◄─────────┘
type redetector struct {
	kernel kernel
	taken  []failed // away, and not back yet
}

// failed is an address that another station had.
type failed struct {
	link netlink.Link
	addr netlink.Addr
}

// run looks each redetectEvery until ctx ends. What cannot be done is tried again the next time.
func (r *redetector) run(ctx context.Context) {
	ticker := time.NewTicker(redetectEvery)
	defer ticker.Stop()
	defer r.kernel.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = r.look()
		}
	}
}

// look has those looked for again that others had.
func (r *redetector) look() error {
	addrs, err := dump(func() ([]netlink.Addr, error) { return r.kernel.AddrList(nil, netlink.FAMILY_V6) })
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	var errs []error
	for _, a := range addrs {
		if a.Flags&unix.IFA_F_DADFAILED == 0 || a.Protocol != protocolLL || !a.IP.IsLinkLocalUnicast() {
			continue
		}
		link, err := r.kernel.LinkByIndex(a.LinkIndex)
		if err == nil {
			err = r.kernel.AddrDel(link, &netlink.Addr{IPNet: a.IPNet})
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		again := netlink.Addr{IPNet: a.IPNet, Scope: unix.RT_SCOPE_LINK, Protocol: protocolLL}
		r.taken = append(r.taken, failed{link, again})
	}
	var left []failed
	for _, f := range r.taken {
		switch err := r.kernel.AddrAdd(f.link, &f.addr); {
		case err == nil, errors.Is(err, unix.EEXIST), errors.Is(err, unix.ENODEV):
		default: // a link that is down; the kernel may make one when it is up
			left, errs = append(left, f), append(errs, err)
		}
	}
	r.taken = left
	return errors.Join(errs...)
}
