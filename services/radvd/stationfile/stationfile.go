// Package stationfile is the published file of which machine of the LANs has which IPv6 address.
//
// The file is a text: a header with the version of the format, then a line for each address, of fields with
// one space between them.
//
//	gatehouse-stations 1
//	current eui64 2001:db8:32:0:211:22ff:fe33:4455 00:11:22:33:44:55 lan 2026-11-29T12:00:00Z 2026-11-30T18:00:00Z 30h0m0s
//	former stable fd00:32::5e1f:1 00:00:5e:00:53:02 lan 2026-11-01T12:00:00Z 2026-11-29T09:30:00Z 170h0m0s
//
// The fields are: whether the address is in a prefix that its LAN has now, "current", or had before,
// "former"; its kind (package stations); the address; the hardware address of its machine; the name of the
// LAN; when it was first seen; when it was last confirmed that the machine has it, which is at most a day old
// news; for how long it has been in use. Times are RFC 3339 in UTC, with seconds. No address has two lines.
//
// A file is replaced as a whole (package statefile), so a reader finds all of it or none; it takes all that
// is in it, or says in which line something else was expected. Write is for one process, Follow for any
// number of others.
package stationfile

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations"
)

// Name is that of the file in its directory.
const Name = "stations"

// MaxSize bounds a file, in bytes: all addresses that a table has, with the longest names of LANs.
const MaxSize = 1 << 20

const (
	magic  = "gatehouse-stations "
	header = magic + "1"
	// maxName bounds the name of a LAN: one label of a domain name (RFC 1035 2.3.4).
	maxName = 63
)

// The words for whether a LAN has the prefix of an address.
const (
	current = "current"
	former  = "former"
)

// ErrVersion is returned, wrapped, for a file of a version that this package does not know.
var ErrVersion = errors.New("file of stations of another version")

// A Station is a line.
type Station struct {
	Current bool          `json:"current"`
	Kind    stations.Kind `json:"kind"`
	Addr    netip.Addr    `json:"addr"` // IPv6, without a zone
	MAC     ethernet.MAC  `json:"mac"`
	Network string        `json:"network"` // one label
	First   time.Time     `json:"first"`
	Last    time.Time     `json:"last"`
	Used    time.Duration `json:"used_ns"` // not negative
}

// Append appends a file to b.
func Append(b []byte, all []Station) []byte {
	b = append(append(b, header...), '\n')
	for i := range all {
		b = appendLine(b, &all[i])
	}
	return b
}

func appendLine(b []byte, s *Station) []byte {
	word := former
	if s.Current {
		word = current
	}
	b = append(append(b, word...), ' ')
	b = append(append(b, s.Kind.String()...), ' ')
	b = append(s.Addr.AppendTo(b), ' ')
	b = append(s.MAC.AppendTo(b), ' ')
	b = append(append(b, s.Network...), ' ')
	b = append(s.First.UTC().AppendFormat(b, time.RFC3339), ' ')
	b = append(s.Last.UTC().AppendFormat(b, time.RFC3339), ' ')
	return append(append(b, s.Used.Truncate(time.Second).String()...), '\n')
}

// Parse reads a file.
func Parse(b []byte) ([]Station, error) {
	first, rest, ok := bytes.Cut(b, []byte("\n"))
	switch {
	case !ok || !bytes.HasPrefix(first, []byte(magic)):
		return nil, fmt.Errorf("line 1: want %q", header)
	case string(first) != header:
		return nil, fmt.Errorf("line 1: %w: %.40q, this program knows %q", ErrVersion, first, header)
	}
	var all []Station
	seen := map[netip.Addr]bool{}
	for line := 2; len(rest) > 0; line++ {
		var text []byte
		if text, rest, ok = bytes.Cut(rest, []byte("\n")); !ok {
			return nil, fmt.Errorf("line %d: it has no end", line)
		}
		s, err := parseLine(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", line, err)
		case seen[s.Addr]:
			return nil, fmt.Errorf("line %d: the second one of %s", line, s.Addr)
		case len(all) == stations.MaxAddresses:
			return nil, fmt.Errorf("line %d: more than %d addresses", line, stations.MaxAddresses)
		}
		seen[s.Addr] = true
		all = append(all, s)
	}
	return all, nil
}

func parseLine(line []byte) (s Station, err error) {
	const fields = 8
	f := bytes.Split(line, []byte(" "))
	if len(f) != fields {
		return s, fmt.Errorf("%d fields: want %d", len(f), fields)
	}
	var errs [5]error
	var known bool
	s.Current = string(f[0]) == current
	s.Kind, known = stations.KindOf(string(f[1]))
	s.Addr, errs[0] = netip.ParseAddr(string(f[2]))
	errs[1] = s.MAC.UnmarshalText(f[3])
	s.Network = string(f[4])
	s.First, errs[2] = time.Parse(time.RFC3339, string(f[5]))
	s.Last, errs[3] = time.Parse(time.RFC3339, string(f[6]))
	s.Used, errs[4] = time.ParseDuration(string(f[7]))
	if err := errors.Join(errs[:]...); err != nil {
		return s, err
	}
	switch {
	case !s.Current && string(f[0]) != former:
		return s, fmt.Errorf("%.20q: want %s or %s", f[0], current, former)
	case !known:
		return s, fmt.Errorf("%.20q: no kind of address", f[1])
	case !s.Addr.Is6() || s.Addr.Is4In6() || s.Addr.Zone() != "":
		return s, fmt.Errorf("%s: want an IPv6 address", s.Addr)
	case !isLabel(s.Network):
		return s, fmt.Errorf("%.80q: want the name of a network", s.Network)
	case s.Used < 0:
		return s, fmt.Errorf("%s in use: want none that is negative", s.Used)
	}
	s.First, s.Last = s.First.UTC(), s.Last.UTC()
	return s, nil
}

// isLabel reports whether s is one label of letters, digits, hyphens and underscores.
func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// Write makes the file in dir one of these addresses. When it returns nil that is on stable storage.
// Everybody may read it: which addresses a LAN has is no secret on its router.
func Write(dir string, all []Station) error {
	return statefile.Write(filepath.Join(dir, Name), Append(nil, all), 0o644)
}

// Read reads the file in dir; the error of one that is not there is fs.ErrNotExist.
func Read(dir string) ([]Station, error) {
	path := filepath.Join(dir, Name)
	b, err := statefile.Read(path, MaxSize)
	if err != nil {
		return nil, err
	}
	all, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}
