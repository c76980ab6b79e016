package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// networkKeys are the options that have a key of their own in the table of a
// network, or that follow from other lines, by code: what was expected instead.
func networkKeys() map[uint8]string {
	return map[uint8]string{
		3: "the key router", 6: "the key dns", 12: "a line in hosts or ethers, which name hosts",
		15: "the key domain at the top of the file", 26: "the key mtu",
		28: "nothing, for it follows from ipv4", 42: "the key ntp", 108: "the key ipv6-only-wait",
		114: "the key captive-portal", 119: "the key search", 121: "the key routes", 51: "the key lease-time",
	}
}

// hostKeys are those of a group of hosts.
func hostKeys() map[uint8]string {
	return map[uint8]string{
		3: "the key router", 12: "a line in hosts or ethers, which name hosts",
		28: "nothing, for it follows from ipv4", 51: "the key lease-time",
	}
}

// placedOption is an option with its place.
type placedOption struct {
	model.Option
	at source.Span
}

// options reads both tables of options, and returns them by code.
func (l *loader) options(asked, always toml.Options, keyed map[uint8]string) []model.Option {
	var all []model.Option
	for _, o := range l.placedOptions(asked, always, keyed) {
		all = append(all, o.Option)
	}
	return all
}

func (l *loader) placedOptions(asked, always toml.Options, keyed map[uint8]string) []placedOption {
	var all []placedOption
	seen := map[uint8]source.Span{}
	for i, table := range []toml.Options{asked, always} {
		for _, raw := range table.Entries {
			o, ok := l.option(raw, keyed)
			if !ok {
				continue
			}
			if first, twice := seen[o.Code]; twice {
				l.Against(raw.Name.At, first, "option %s is here a second time; expected it once",
					raw.Name.Text)
				continue
			}
			seen[o.Code] = raw.Name.At
			o.Always = i == 1
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b placedOption) int { return cmp.Compare(a.Code, b.Code) })
	return all
}

func (l *loader) option(raw toml.Option, keyed map[uint8]string) (o placedOption, ok bool) {
	d, known := option.Define(raw.Name.Text)
	switch {
	case !known:
		l.At(raw.Name.At, "%s", unknownOption(raw.Name.Text))
		return o, false
	case keyed[d.Code] != "":
		l.At(raw.Name.At, "option %s has no place here; expected %s", raw.Name.Text, keyed[d.Code])
		return o, false
	case option.ServersOwn(d.Code):
		l.At(raw.Name.At, "option %s is the server's own to send; expected another", raw.Name.Text)
		return o, false
	case d.Kind.IsBytes() && !raw.Quoted:
		l.At(raw.At, "option %s has no type, so its value could mean several things; expected %s",
			raw.Name.Text, d.Kind)
		return o, false
	}
	values := make([]string, len(raw.Values))
	for i, v := range raw.Values {
		values[i] = v.Text
	}
	data, err := d.Encode(values...)
	if err != nil {
		l.At(raw.At, "%s", err)
		return o, false
	}
	if reason := notIPXE(data); d.Code == 175 && reason != "" {
		l.At(raw.At, "option %s %s", raw.Name.Text, reason)
		return o, false
	}
	return placedOption{model.Option{Code: d.Code, Data: data}, raw.Name.At}, true
}

func unknownOption(name string) string {
	var names []string
	for _, d := range option.All() {
		names = append(names, d.Name)
	}
	plain := strings.TrimPrefix(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "option:")
	if near := cmp.Or(meantOption(plain), toml.Nearest(plain, names)); near != "" {
		return fmt.Sprintf("option %q is unknown; did you mean %q?", name, near)
	}
	return fmt.Sprintf("option %q is unknown; expected a name such as ntp-server, or a number from 1 to 254",
		name)
}

// hasWayOut reports whether an option 121 has a default route.
func hasWayOut(data []byte) bool {
	routes, _ := option.ReadRoutes(data)
	return slices.ContainsFunc(routes, func(r option.Route) bool { return r.To.Bits() == 0 })
}
