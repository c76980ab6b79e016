// Package model is the box as data: the types of a site that was read, checked and completed, and what
// follows from them alone. Which names and addresses are right is here too, for those who check and those who
// print.
//
// Users of a site know these types by the names that package site gives them.
package model

import (
	"net/netip"
	"slices"
	"time"
)

// Site is one appliance and the network behind it.
type Site struct {
	Name           string   // the appliance's own host name, one label
	Domain         string   // the domain of the network, without a trailing dot
	WAN            WAN      // zero when the site has no upstream
	Tunnel         *Tunnel  // nil when the site has no IPv6 by a tunnel
	LANs           []LAN    // at least one, in the order of site.toml
	Routes         []Route  // static routes, without the default routes by WAN.Gateway and WAN.Gateway6
	IPv6           IPv6     //
	DNS            DNS      //
	NTP            NTP      //
	Netboot        *Netboot // nil when the site boots no host from the network
	Console        Console  //
	Firewall       Firewall //
	Hosts          []Host   // sorted by name
	AuthorizedKeys []string // lines of authorized_keys, at least one, without comments and blank lines

	// Relayed are the networks whose DHCP clients ask through a relay agent, in the
	// order of site.toml.
	Relayed []Relayed
}

// Host returns the host that has a name: its own or an alias, in upper or lower
// case, with or without the site's domain.
func (s *Site) Host(name string) (Host, bool) {
	name = Canonical(name, s.Domain)
	i := slices.IndexFunc(s.Hosts, func(h Host) bool {
		return h.Name == name || slices.Contains(h.Aliases, name)
	})
	if i < 0 {
		return Host{}, false
	}
	return s.Hosts[i], true
}

// LAN is one network behind the appliance.
type LAN struct {
	Name      string         // one label, unique in the site
	Interface string         //
	VLAN      uint16         // IEEE 802.1Q id 1..4094, 0 for untagged
	IPv4      netip.Prefix   // the appliance's address with the length of the network, always valid
	IPv6      []netip.Prefix // the appliance's fixed addresses, each with /64
	From6     []Source6      // what it is numbered from beside these
	Subnet    uint16         // its number in prefixes that several LANs share
	// where IPv4 is for hosts without it, a prefix of RFC 6052 2.2; the zero Prefix: not told
	NAT64 netip.Prefix
	// the appliance's IPv6 addresses of today, the fixed ones among them, if it is Numbered
	Today   []netip.Prefix
	Clients // what its DHCP clients get
}

// Link returns the name of the network link: "eth1", with a VLAN "eth1.20".
func (l LAN) Link() string { return LinkName(l.Interface, l.VLAN) }

// AddrRange is the IPv4 addresses from First to Last, both included.
type AddrRange struct {
	First, Last netip.Addr
}

// IsZero reports whether r is no range at all.
func (r AddrRange) IsZero() bool { return !r.First.IsValid() }

// Contains reports whether a is one of the addresses of r.
func (r AddrRange) Contains(a netip.Addr) bool {
	return !r.IsZero() && r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
}

// Size returns how many addresses r has.
func (r AddrRange) Size() int {
	if r.IsZero() {
		return 0
	}
	return int(v4Number(r.Last)-v4Number(r.First)) + 1
}

// String returns the form that site.toml has, "192.168.32.100-192.168.32.199",
// and "" for the zero range.
func (r AddrRange) String() string {
	if r.IsZero() {
		return ""
	}
	return r.First.String() + "-" + r.Last.String()
}

// Route is a static route of either family.
type Route struct {
	To  netip.Prefix // masked
	Via netip.Addr   // on the network of WAN or of a LAN
}

// NTP says whose time the appliance follows, and with it the network.
type NTP struct {
	Servers []TimeSource // each one server, or a pool of them
	WAN     bool         // and those that the provider names
	// at which the appliance serves its own clock while it follows nobody; 0: it does not
	LocalStratum uint8
	// what it is off by more, the clock is set by; 0: only when the appliance starts
	StepLimit time.Duration
}

// TimeSource is a server, or a name that stands for several.
type TimeSource struct {
	Name string     // "" if it is known by its address
	Addr netip.Addr // of either family; zero if it is known by a name
	Pool bool       // the name stands for many servers, of which some are followed
}

// String returns the name, or the address.
func (s TimeSource) String() string {
	if s.Name != "" {
		return s.Name
	}
	return s.Addr.String()
}

// On reports whether the appliance serves time.
func (n NTP) On() bool { return len(n.Servers) > 0 || n.WAN || n.LocalStratum != 0 }

// Console says what the console of the appliance is.
type Console struct {
	Locked bool // no shell on the console
}

// Netboot is what the hosts that boot from the network have in common. What each is
// told is in Host.Netboot.
type Netboot struct {
	Servers []string // names of the hosts that have files and iSCSI targets, the usual one first
}

// Host is one machine of the network, merged from all of its lines in hosts and
// ethers.
type Host struct {
	// Name is the first name on the host's lines that is in the site's domain,
	// as a single label. A host that has names in other domains only keeps the
	// first of those, whole; it then has no MAC and is no DHCP client.
	Name string
	// Aliases are the other names in the order of the files, each a single label
	// of the site's domain or, in another domain, whole.
	Aliases []string
	// Addrs are the addresses in the order of hosts. A host without MACs may have
	// any; one with MACs has IPv4 addresses on LANs only, at most one on each,
	// and gets an address from the pool on the LANs where it has none. A relayed
	// network is a LAN in this.
	Addrs []netip.Addr
	// MACs are the host's cards in the order of ethers.
	MACs []MAC
	// Records are the lines of hosts: which name stands for which address.
	Records []Record
	// HostClient is what it is told by DHCP, and where it is plugged in.
	HostClient
	// Netboot is nil for a host that boots from its own disk.
	Netboot *HostNetboot
	// Places are the lines that the host was merged from: "hosts:4", "ethers:2".
	Places []string
}

// Record is one line of hosts.
type Record struct {
	Addr  netip.Addr
	Names []string // canonical; Addr resolves back to the first
}

// HostNetboot is what one host is told about booting from the network: the
// templates of Netboot with the host's own values. What is empty is not told.
type HostNetboot struct {
	// IPv4 address of the TFTP server, DHCP siaddr and option 66
	Server netip.Addr `json:"server"`
	// an installer runs: iPXE attaches the disk and does not boot it
	Install   bool   `json:"install,omitempty"`
	Initiator string `json:"initiator,omitempty"` // iSCSI name of the host, DHCP option 203
	RootPath  string `json:"root_path,omitempty"` // DHCP option 17, RFC 4173, at most 255 bytes
	// another way to the same disk, for iSCSI adapters with two paths
	RootPath2 string `json:"root_path2,omitempty"`
	// iSCSI name of the root disk, the last part of RootPath
	Target string `json:"target,omitempty"`
	CHAP   *CHAP  `json:"chap,omitempty"`   // nil: the target wants no proof
	Script string `json:"script,omitempty"` // URL that iPXE is sent to
	// URL before the names of the files below, for UEFI HTTP boot
	HTTP        string `json:"http,omitempty"`
	BIOS        string `json:"bios,omitempty"`         // TFTP file for client architecture 0 (RFC 4578)
	UEFI        string `json:"uefi,omitempty"`         // TFTP file for client architectures 7 and 9
	UEFIARM64   string `json:"uefi_arm64,omitempty"`   // TFTP file for client architecture 11
	UEFIIA32    string `json:"uefi_ia32,omitempty"`    // TFTP file for client architecture 6
	UEFIARM32   string `json:"uefi_arm32,omitempty"`   // TFTP file for client architecture 10
	UEFIRISCV64 string `json:"uefi_riscv64,omitempty"` // TFTP file for client architecture 27
	UEFILoong64 string `json:"uefi_loong64,omitempty"` // TFTP file for client architecture 39
	// Files are those for further architectures: names, or URLs for those over HTTP.
	Files map[uint16]string `json:"files,omitempty"`
}

// CHAP is how a host and its iSCSI target prove to each other who they are (RFC 7143 12.1.3).
type CHAP struct {
	Own    Proof  `json:"own"`              // of the host
	Mutual *Proof `json:"mutual,omitempty"` // of the target; nil: it is believed
}

// Proof is a name and its secret, which is shown nowhere.
type Proof struct {
	User   string `json:"user"`
	File   string `json:"secret_file"` // of the site, that holds Secret
	Secret Secret `json:"-"`
}
