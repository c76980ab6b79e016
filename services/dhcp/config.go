package dhcp

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Config is everything the DHCP service is told. It is derived from the site by
// others, survives a round trip through JSON, and is checked by New.
type Config struct {
	// Subnets has one element per network that is served.
	Subnets []Subnet
	// Hosts has every host of the site, whether it uses DHCP or not: what it
	// is called and where it lives is never given to another client.
	Hosts []Host
	// ReservedNames are further names no client may call itself: the router's
	// own, aliases of hosts. Compared without regard to case.
	ReservedNames []string
}

// A Subnet is one network: a link with our address on it, or one behind relay
// agents, and what its clients are told.
type Subnet struct {
	Name      string     // the LAN's name in the site, for people
	Interface string     // name of the link, for example "eth1" or "eth1.20"
	Address   netip.Addr // our address on the link: the server identifier
	// Relayed: the network is not on a link of ours. Its messages come through relay
	// agents (RFC 1542) by the links of other subnets. It has no Interface, and
	// Address may be zero: our address on the link that the relay agent uses.
	Relayed bool           `json:",omitzero"`
	Prefix  netip.Prefix   // the network's IPv4 prefix
	Router  netip.Addr     // option 3; the zero Addr: none
	Routes  []option.Route `json:",omitzero"` // option 121; the way out through Router is added
	DNS     []netip.Addr   // option 6; IPv6 addresses are left out, at most 16 servers
	NTP     []netip.Addr   // option 42; the same
	Domain  string         // option 15; empty: none
	Search  []string       `json:",omitzero"` // option 119: the domains to look names up in
	MTU     uint16         `json:",omitzero"` // option 26; 0: not told
	// CaptivePortal is the URI of the portal's API: option 114, RFC 8910.
	CaptivePortal string `json:",omitzero"`
	// IPv6OnlyWait is how long clients that can do without IPv4 should: option 108,
	// RFC 8925, in whole seconds, at least MinIPv6OnlyWait. 0: IPv4 is for everybody.
	IPv6OnlyWait time.Duration `json:",omitzero"`
	// Options are further options, or others in place of the above.
	Options []Option `json:",omitzero"`
	// Pool holds the addresses for clients without a reservation; may be empty.
	// Addresses of Hosts and of this Subnet inside it are left out by the engine.
	Pool []lease.Range
	// Exclude are addresses of Pool that are given to nobody all the same.
	Exclude []lease.Range `json:",omitzero"`
	// LeaseTime is the longest lease given, in whole seconds, at least MinLeaseTime.
	LeaseTime time.Duration
	// RapidCommit leases in two messages instead of four to clients that ask for it
	// (RFC 4039). For networks without another DHCP server.
	RapidCommit bool `json:",omitzero"`
	// Probe is how long to wait for a stranger's answer before an address of the
	// pool is offered to a client that did not have it; 0: it is offered unprobed.
	Probe time.Duration `json:",omitzero"`
}

// A Host is one machine of the site: one name, any number of cards and addresses.
type Host struct {
	Name string      // told to the client as option 12; one label, if it asks at all
	MACs []lease.MAC // its cards
	// Ports are where it is plugged in: whoever asks there, with a card that is no
	// other host's, is this host. With neither MACs nor Ports it never uses DHCP,
	// but its name and addresses are its own.
	Ports []Port `json:",omitzero"`
	// Addrs are its addresses. One inside a Subnet's prefix is what its cards
	// get there; without one they get an address from the pool and keep Name.
	// IPv6 addresses are ignored.
	Addrs []netip.Addr
	// LeaseTime takes the place of the Subnet's; 0: the Subnet's.
	LeaseTime time.Duration `json:",omitzero"`
	// NoRouter: it is not told the Router, and stays in its network.
	NoRouter bool `json:",omitzero"`
	// Router takes the place of that of the Subnet it is in, as the way out.
	Router netip.Addr `json:",omitzero"`
	// Options are further options, or others in place of the Subnet's.
	Options []Option `json:",omitzero"`
	Netboot *Netboot // nil: boots from its own disk and is told nothing about booting
}

// A Port is a port of a switch or relay agent that says in option 82 where a
// message came in: RFC 3046. Empty: any.
type Port struct {
	Circuit option.Bytes `json:",omitzero"` // Agent Circuit ID, sub-option 1
	Remote  option.Bytes `json:",omitzero"` // Agent Remote ID, sub-option 2
}

// An Option is one option by number. It is sent to clients that ask for it, or that
// do not say what they ask for.
type Option struct {
	Code   uint8
	Data   option.Bytes // as on the wire; more than 255 bytes are split (RFC 3396)
	Always bool         `json:",omitzero"` // also to clients that ask for others
}

// Netboot is what a host needs to boot from the network: RFC 4173 and what its
// boot stages ask for. Empty fields are not sent.
type Netboot struct {
	Server    netip.Addr // siaddr and option 66: where a PXE ROM fetches its first file by TFTP
	RootPath  string     // option 17, at most 255 bytes (edk2 reads one option only)
	RootPath2 string     `json:",omitzero"` // another way to the same disk, for iSCSI adapters with two paths
	Initiator string     // option 203: the iSCSI name of this host, read by iPXE
	CHAP      *CHAP      `json:",omitzero"` // how it proves to its target who it is; nil: it need not
	Script    string     // file name for iPXE, usually a URL
	// Install keeps the disk attached for an installer that the script starts, and
	// does not boot it: iPXE's keep-san and skip-san-boot.
	Install   bool   `json:",omitzero"`
	BIOS      string // file name for PXE ROMs of architecture 0
	UEFI      string // for 7 and 9, x86-64 UEFI
	UEFIARM64 string // for 11, 64-bit ARM UEFI
	// Files names the file for any architecture, before the three above.
	// An architecture without a file is told the Server alone.
	Files map[Arch]string `json:",omitzero"`
	// HTTP is what UEFI HTTP boot puts before those file names to make a URI of
	// them: "http://192.0.2.10/boot/". Empty: only file names that are URIs are sent.
	HTTP string `json:",omitzero"`
}

// CHAP is the names and secrets by which a host and its iSCSI target know each other: RFC 7143 12.1.3. They
// are told to iPXE alone, on a card of the host that has no address yet, on a network where one of Addrs is,
// in no broadcast, and through a relay agent only to a network that lies behind one. On the way there they
// are in clear, and a card can be made to say that it is another. No Outcome and no Preview has a secret but
// in the Reply itself.
type CHAP struct {
	User, Secret string // what the host says
	// TargetUser and TargetSecret are what the target says; empty: it is believed without.
	TargetUser, TargetSecret string `json:",omitzero"`
}

// wire returns o as the packet library has it.
func (o *Option) wire() packet.Option {
	if o.Data == nil {
		return packet.Option{Code: o.Code, Data: []byte{}}
	}
	return packet.Option{Code: o.Code, Data: o.Data}
}
