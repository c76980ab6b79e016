// Package site reads a site directory (site.toml, hosts, ethers and
// authorized_keys) into one validated value, the whole description of an
// appliance and of the network behind it.
//
// What Load returns is complete and free of contradictions: defaults are filled
// in, names are in one canonical form, every host is merged from its lines in
// hosts and ethers, and all that follows from a host's name is derived. What is
// wrong with a site is reported in one run, each problem with its place.
//
// Its rooms are its four ideas: internal/source and internal/toml read files with the places of what is in
// them, internal/model is the value, internal/check makes one of the other, and internal/print shows it to
// people. The types have other names here, aliases, so that check and print can have them and Load and Print
// can still be functions of this package: users need no other.
//
// The package reads files through an fs.FS only, resolves no names, and does not
// know what the machine it runs on looks like: whether an interface exists or a
// server answers is for others to find out.
package site

import (
	"io"
	"io/fs"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/site/internal/check"
	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/print"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// The types of a site, Site first; internal/model explains them.
type (
	Site        = model.Site
	WAN         = model.WAN
	DHCPClient  = model.DHCPClient
	Tunnel      = model.Tunnel
	Endpoint    = model.Endpoint
	Secret      = model.Secret
	ClientID    = model.ClientID
	Hook        = model.Hook
	LAN         = model.LAN
	IPv6        = model.IPv6
	Source6     = model.Source6
	Names6      = model.Names6
	AddrRange   = model.AddrRange
	Route       = model.Route
	NTP         = model.NTP
	TimeSource  = model.TimeSource
	Console     = model.Console
	Netboot     = model.Netboot
	Host        = model.Host
	Record      = model.Record
	HostNetboot = model.HostNetboot
	CHAP        = model.CHAP
	Proof       = model.Proof

	Clients    = model.Clients
	Relayed    = model.Relayed
	Subnet     = model.Subnet
	Option     = model.Option
	HostClient = model.HostClient
	Port       = model.Port

	DNS        = model.DNS
	Resolver   = model.Resolver
	DNSForward = model.DNSForward
	DNSRecord  = model.DNSRecord
	DNSService = model.DNSService

	Firewall     = model.Firewall
	FirewallZone = model.FirewallZone
	AddressSet   = model.AddressSet
	FirewallRule = model.FirewallRule
	FirewallEnd  = model.FirewallEnd
	Rate         = model.Rate
	PortForward  = model.PortForward
	OneToOne     = model.OneToOne
	Service      = model.Service
	Flow         = model.Flow

	MAC = model.MAC
)

// What is wrong with a site, the error of Load; and what is known of a key of site.toml.
type (
	Problem  = source.Problem
	Problems = source.Problems
	Severity = source.Severity
	Key      = toml.Key
)

// The severities of problems.
const (
	Error   = source.Error   // there is no site
	Warning = source.Warning // there is one, which is likely not what was meant
)

// TunnelLink is the name of the link that the tunnel of a site is.
const TunnelLink = model.TunnelLink

// The firewall's names for what is no network of the site.
const (
	ZoneWAN = model.ZoneWAN // the upstream link
	ZoneBox = model.ZoneBox // the appliance itself
)

// Where IPv6 networks of LANs come from, and which addresses that hosts make have names.
const (
	FromTunnel = model.FromTunnel
	FromWAN    = model.FromWAN
	FromULA    = model.FromULA

	NamesStable = model.NamesStable
	NamesAll    = model.NamesAll
	NamesOff    = model.NamesOff
)

// Network6 is the length of a network whose hosts make addresses.
const Network6 = model.Network6

// Subnet6 returns the network of a number in a prefix that several LANs share; false: it has none.
func Subnet6(prefix netip.Prefix, number uint16) (netip.Prefix, bool) {
	return model.Subnet6(prefix, number)
}

// The bounds of a site. Each file has its own, which docs/site.md has.
const (
	MaxFiles = source.MaxFiles
	MaxBytes = source.MaxBytes // of all files together
	MaxKeys  = check.MaxKeys   // of authorized_keys
)

// Load reads and checks the site in fsys. Absent files hosts and ethers are the same as empty ones,
// but not if hosts.txt or Hosts is there. The error
// is of type Problems and has everything that is wrong, except what only follows from another problem: a
// value that is wrong itself takes no part in checks against others.
func Load(fsys fs.FS) (*Site, error) {
	s, problems := check.Load(fsys)
	if problems.Failed() {
		return nil, problems.Errors()
	}
	return s, nil
}

// Check is Load for who shows people what is wrong: it returns warnings too, what a site may say and hardly
// means. Most are looked for once there are no errors. The site is nil if there is one.
func Check(fsys fs.FS) (*Site, Problems) { return check.Load(fsys) }

// Print writes what a site means, for a person who wants to see whether it is what they meant: the
// appliance's links, its networks with what clients are told, every host, and what the hosts that boot from
// the network are told. The error is that of w.
func Print(w io.Writer, s *Site) error { return print.Site(w, s) }

// FirewallRows are what a site lets through, refuses and translates, a line of it each, in five cells: what
// is done, its name, from whom to whom, services or bounds, and its place.
func FirewallRows(s *Site) [][]string { return print.FirewallRows(s) }

// PrintHost writes what a site says about one host, and all that is derived for it.
func PrintHost(w io.Writer, s *Site, h Host) error { return print.Host(w, s, h) }

// Keys returns the reference of site.toml: every key, in the order in which the file is best written.
func Keys() []Key { return toml.Keys() }

// Services returns the services that need no definition, sorted by name.
func Services() []Service { return model.Services() }
