package site

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gatehouse-os/gatehouse/services/dhcp/option"
)

// networkKeys are the options that have a key of their own in the table of a
// network, or that follow from other lines, by code: what was expected instead.
func networkKeys() map[uint8]string {
	return map[uint8]string{
		3: "the key router", 6: "the key dns", 12: "a line in hosts or ethers, which name hosts", 15: "the key domain at the top of the file",
		26: "the key mtu", 28: "nothing, for it follows from ipv4", 42: "the key ntp", 108: "the key ipv6-only-wait",
		114: "the key captive-portal", 119: "the key search", 121: "the key routes", 51: "the key lease-time",
	}
}

// hostKeys are those of a group of hosts.
func hostKeys() map[uint8]string {
	return map[uint8]string{
		3: "the key router", 12: "a line in hosts or ethers, which name hosts", 28: "nothing, for it follows from ipv4", 51: "the key lease-time",
	}
}

// placedOption is an option with its place.
type placedOption struct {
	Option
	at span
}

// options reads both tables of options, and returns them by code.
func (l *loader) options(asked, always optionTable, keyed map[uint8]string) []Option {
	var all []Option
	for _, o := range l.placedOptions(asked, always, keyed) {
		all = append(all, o.Option)
	}
	return all
}

func (l *loader) placedOptions(asked, always optionTable, keyed map[uint8]string) []placedOption {
	var all []placedOption
	seen := map[uint8]span{}
	for i, table := range []optionTable{asked, always} {
		for _, raw := range table.entries {
			o, ok := l.option(raw, keyed)
			if !ok {
				continue
			}
			if first, twice := seen[o.Code]; twice {
				l.against(raw.name.at, first, "option %s is here a second time; expected it once", raw.name.s)
				continue
			}
			seen[o.Code] = raw.name.at
			o.Always = i == 1
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b placedOption) int { return cmp.Compare(a.Code, b.Code) })
	return all
}

func (l *loader) option(raw rawOption, keyed map[uint8]string) (o placedOption, ok bool) {
	d, known := option.Define(raw.name.s)
	switch {
	case !known:
		l.at(raw.name.at, "%s", unknownOption(raw.name.s))
		return o, false
	case keyed[d.Code] != "":
		l.at(raw.name.at, "option %s has no place here; expected %s", raw.name.s, keyed[d.Code])
		return o, false
	case option.ServersOwn(d.Code):
		l.at(raw.name.at, "option %s is the server's own to send; expected another", raw.name.s)
		return o, false
	case d.Kind.IsBytes() && !raw.quoted:
		l.at(raw.at, "option %s has no type, so its value could mean several things; expected %s", raw.name.s, d.Kind)
		return o, false
	}
	values := make([]string, len(raw.values))
	for i, v := range raw.values {
		values[i] = v.s
	}
	data, err := d.Encode(values...)
	if err != nil {
		l.at(raw.at, "%s", err)
		return o, false
	}
	return placedOption{Option{Code: d.Code, Data: data}, raw.name.at}, true
}

func unknownOption(name string) string {
	var names []string
	for _, d := range option.All() {
		names = append(names, d.Name)
	}
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("option %q is unknown; did you mean %q?", name, near)
	}
	return fmt.Sprintf("option %q is unknown; expected a name such as ntp-server, or a number from 1 to 254", name)
}

// hasWayOut reports whether an option 121 has a default route.
func hasWayOut(data []byte) bool {
	routes, _ := option.ReadRoutes(data)
	return slices.ContainsFunc(routes, func(r option.Route) bool { return r.To.Bits() == 0 })
}
