package dhcp

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Config is everything the DHCP service is told. It is derived from the site by
// others, survives a round trip through JSON, and is checked by New.
type Config struct {
	// Subnets has one element per LAN that is served.
	Subnets []Subnet
	// Hosts has every host of the site, whether it uses DHCP or not: what it
	// is called and where it lives is never given to another client.
	Hosts []Host
	// ReservedNames are further names no client may call itself: the router's
	// own, aliases of hosts. Compared without regard to case.
	ReservedNames []string
}

// A Subnet is one LAN: a link, our address on it, and what its clients are told.
type Subnet struct {
	Name      string       // the LAN's name in the site, for people
	Interface string       // name of the link, for example "eth1" or "eth1.20"
	Address   netip.Addr   // our address on the link: the server identifier
	Prefix    netip.Prefix // the LAN's IPv4 prefix
	Router    netip.Addr   // option 3; the zero Addr: none
	DNS       []netip.Addr // option 6; IPv6 addresses are left out, at most 16 servers
	NTP       []netip.Addr // option 42; the same
	Domain    string       // option 15; empty: none
	// Pool holds the addresses for clients without a reservation; may be empty.
	// Addresses of Hosts and of this Subnet inside it are left out by the engine.
	Pool []lease.Range
	// LeaseTime is the longest lease given, in whole seconds, at least MinLeaseTime.
	LeaseTime time.Duration
}

// A Host is one machine of the site: one name, any number of cards and addresses.
type Host struct {
	Name string      // one label; told to the client as option 12
	MACs []lease.MAC // its cards; none: it never uses DHCP, but its name and addresses are its own
	// Addrs are its addresses. One inside a Subnet's prefix is what its cards
	// get there; without one they get an address from the pool and keep Name.
	// IPv6 addresses are ignored.
	Addrs   []netip.Addr
	Netboot *Netboot // nil: boots from its own disk and is told nothing about booting
}

// Netboot is what a host needs to boot from the network: RFC 4173 and what its
// boot stages ask for. Empty fields are not sent.
type Netboot struct {
	Server    netip.Addr // siaddr and option 66: where a PXE ROM fetches its first file by TFTP
	RootPath  string     // option 17, at most 255 bytes (edk2 reads one option only)
	Initiator string     // option 203: the iSCSI name of this host, read by iPXE
	Script    string     // file name for iPXE, usually a URL
	BIOS      string     // file name for PXE ROMs of architecture 0
	UEFI      string     // for 7 and 9, x86-64 UEFI
	UEFIARM64 string     // for 11, 64-bit ARM UEFI
}
