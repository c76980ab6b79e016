package nettools

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/netdevice"
)

// Flags of entries (linux/if_arp.h).
const (
	entryComplete  = 0x02
	entryPermanent = 0x04
	entryPublished = 0x08
	entryTrailers  = 0x10
	entryNetmask   = 0x20
	entryNoPublish = 0x40
)

// arpRequest is a struct arpreq.
type arpRequest struct {
	protocol, hardware [16]byte
	flags              int32
	netmask            [16]byte
	device             [unix.IFNAMSIZ]byte
}

// arp shows and changes what IPv4 addresses are where.
func arp(c *command.Call) {
	if err := checkARP(c); err != nil {
		c.Fail(err)
		return
	}
	var err error
	switch {
	case (c.Has('d') || c.Has('s')) && len(c.Args) == 0:
		err = errors.New("expected an address")
	case c.Has('s'):
		err = setARP(c)
	case c.Has('d'):
		err = deleteARP(c)
	default:
		err = showARP(c)
	}
	if errors.Is(err, errUsage) {
		c.Misused("%v", err)
	} else if err != nil {
		c.Fail(err)
	}
}

// errUsage is a wrong word.
var errUsage = errors.New("expected pub, priv, temp, trail, dev LINK or netmask MASK")

// checkARP refuses other families and link layers.
func checkARP(c *command.Call) error {
	for _, o := range c.Options {
		switch {
		case (o.Letter == 'A' || o.Letter == 'p') && o.Value != "inet":
			return fmt.Errorf("%s: expected inet", o.Value)
		case (o.Letter == 'H' || o.Letter == 't') && o.Value != "ether":
			return fmt.Errorf("%s: expected ether", o.Value)
		}
	}
	return nil
}

// showARP prints the entries.
func showARP(c *command.Call) error {
	host := ""
	if len(c.Args) > 0 {
		a, err := inet(c.Args[0])
		if err != nil {
			return err
		}
		host = a.String()
	}
	device, byDevice := c.Value('i')
	entries, err := lines("arp", 1)
	if err != nil {
		return err
	}
	shown := 0
	for _, line := range entries {
		f := strings.Fields(line)
		if len(f) < 6 || host != "" && f[0] != host || device != "" && f[5] != device || byKind(c) &&
			f[1] != "0x1" {
			continue
		}
		shown++
		flags, _ := strconv.ParseInt(f[2], 0, 32)
		fmt.Fprintf(c.Stdout, "? (%s) at %s on %s\n", f[0], entryWords(f, int(flags)), f[5])
	}
	if shown == 0 && (byKind(c) || host != "" || byDevice && device != "") {
		fmt.Fprintf(c.Stdout, "No match found in %d entries\n", len(entries))
	}
	return nil
}

// byKind reports whether a link layer is asked for.
func byKind(c *command.Call) bool { return c.Has('H') || c.Has('t') }

// entryWords words an entry.
func entryWords(f []string, flags int) string {
	words := f[3] + " [ether] "
	switch {
	case flags&entryComplete == 0 && flags&entryPublished != 0:
		words = "* "
	case flags&entryComplete == 0:
		words = "<incomplete> "
	}
	if flags&entryNetmask != 0 {
		words += "netmask " + f[4] + " "
	}
	var names []string
	for _, b := range []bit{{entryPermanent, "PERM"}, {entryPublished, "PUP"}, {entryNoPublish, "DONTPUB"},
		{entryTrailers, "TRAIL"}} {
		if flags&b.mask != 0 {
			names = append(names, b.name)
		}
	}
	return words + strings.Join(names, " ")
}

// newARP reads the address, and the words from at on. The flags are those that a word adds or takes.
func newARP(c *command.Call, at int, flags int32) (r *arpRequest, only int, err error) {
	r = &arpRequest{}
	a, err := inet(c.Args[0])
	if err != nil {
		return r, 0, err
	}
	copy(r.protocol[:], netdevice.Sockaddr(a.As4()))
	device, _ := c.Value('i')
	for args := c.Args[at:]; len(args) > 0; args = args[1:] {
		switch args[0] {
		case "pub":
			flags, only = flags|entryPublished, only|1
		case "priv":
			flags, only = flags&^entryPublished, only|2
		case "temp":
			flags &^= entryPermanent
		case "trail":
			flags |= entryTrailers
		case "dontpub":
			flags |= entryNoPublish
		case "dev", "netmask":
			if len(args) == 1 {
				return r, 0, errUsage
			}
			if args[0] == "dev" {
				device = args[1]
			} else if err := r.setNetmask(args[1], &flags); err != nil {
				return r, 0, err
			}
			args = args[1:]
		default:
			return r, 0, errUsage
		}
	}
	if len(device) >= len(r.device) {
		return r, 0, fmt.Errorf("%s: expected a link", device)
	}
	copy(r.device[:], device)
	r.flags = flags
	return r, only, nil
}

// setNetmask reads a netmask; one of a single address is none.
func (r *arpRequest) setNetmask(text string, flags *int32) error {
	mask, err := inet(text)
	if err == nil && mask != netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		copy(r.netmask[:], netdevice.Sockaddr(mask.As4()))
		*flags |= entryNetmask
	}
	return err
}

// setARP makes an entry.
func setARP(c *command.Call) error {
	if len(c.Args) < 2 {
		return errors.New("expected the address of a link layer")
	}
	r, _, err := newARP(c, 2, entryPermanent|entryComplete)
	if err != nil {
		return err
	}
	s, err := netdevice.Open(unix.AF_INET)
	if err != nil {
		return err
	}
	defer s.Close()
	binary.NativeEndian.PutUint16(r.hardware[:], unix.ARPHRD_ETHER)
	if c.Has('D') {
		link, err := netdevice.NewRequest(c.Args[1])
		if err == nil {
			err = s.Do(unix.SIOCGIFHWADDR, link)
		}
		if err != nil {
			return explain(c.Args[1], err)
		}
		copy(r.hardware[:], link.Data[:])
	} else {
		mac, err := net.ParseMAC(c.Args[1])
		if err != nil || len(mac) != 6 {
			return fmt.Errorf("%s: expected an address like 00:16:3e:20:00:10", c.Args[1])
		}
		copy(r.hardware[2:], mac)
	}
	return explain(c.Args[0], s.Call(unix.SIOCSARP, unsafe.Pointer(r)))
}

// deleteARP deletes an entry, one for others (pub) only if there is no other, or nothing else is asked for.
func deleteARP(c *command.Call) error {
	r, only, err := newARP(c, 1, entryPermanent)
	if err != nil {
		return err
	}
	s, err := netdevice.Open(unix.AF_INET)
	if err != nil {
		return err
	}
	defer s.Close()
	r.flags &^= entryPublished
	err = unix.ENXIO
	if only != 1 {
		err = s.Call(unix.SIOCDARP, unsafe.Pointer(r))
	}
	if errors.Is(err, unix.ENXIO) && only != 2 {
		r.flags |= entryPublished
		err = s.Call(unix.SIOCDARP, unsafe.Pointer(r))
	}
	if errors.Is(err, unix.ENXIO) {
		fmt.Fprintf(c.Stdout, "No ARP entry for %s\n", c.Args[0])
		c.Exit(255)
		return nil
	}
	return explain(c.Args[0], err)
}
