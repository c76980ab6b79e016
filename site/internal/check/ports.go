package check

import (
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// maxPortID is the length of one sub-option of option 82.
const maxPortID = 255

// checkPorts tells hosts where they are plugged in.
func (l *loader) checkPorts() {
	seen := map[string]source.Span{}
	for _, raw := range l.raw.Ports {
		port := model.Port{Circuit: l.portID("circuit", raw.Circuit), Remote: l.portID("remote", raw.Remote)}
		h := l.portHost(raw)
		if !raw.Circuit.OK() && !raw.Remote.OK() && l.parsed {
			l.At(raw.At, `[[port]] says neither circuit nor remote; expected at least one, such as circuit = "ge-0/0/7"`)
		}
		if len(port.Circuit)+len(port.Remote) == 0 {
			continue
		}
		if first, taken := seen[port.String()]; taken {
			l.Against(raw.At, first, "the port %s is here a second time; expected one host for it", port)
			continue
		}
		seen[port.String()] = raw.At
		if h != nil {
			h.Ports = append(h.Ports, port)
			h.portAt = append(h.portAt, raw.At)
			h.addPlace(raw.At)
		}
	}
}

func (l *loader) portHost(raw toml.Port) *hostEntry {
	v := raw.Host
	if !v.OK() {
		return nil
	}
	known, ok := l.hosts.names[model.Canonical(v.Text, l.site.Domain)]
	switch {
	case !ok:
		l.lacks(source.Hosts, v.Text, v.At, source.Span{},
			"host %q is not in hosts; expected a host with an address there%s", v.Text,
			l.hosts.suggest(v.Text))
		return nil
	case known.host == l.self():
		l.Against(v.At, known.at, "%q is the appliance itself, which asks no DHCP server; expected another host", v.Text)
		return nil
	case !model.IsLabel(known.host.Name):
		l.Against(v.At, known.at, "host %q is in another domain, so DHCP cannot give it its name; expected one of the site's", v.Text)
		return nil
	}
	return known.host
}

// portID reads an identifier: text, or bytes after "hex:".
func (l *loader) portID(key string, v toml.Str) option.Bytes {
	if !v.OK() {
		return nil
	}
	var id option.Bytes
	if err := id.UnmarshalText([]byte(v.Text)); err != nil {
		l.At(v.At, `%s %q is not understood; expected text, or pairs of hex digits as in "hex:00:04:00:0a"`,
			key, v.Text)
		return nil
	}
	if len(id) == 0 || len(id) > maxPortID {
		l.At(v.At, "%s has %d bytes; expected 1 to %d", key, len(id), maxPortID)
		return nil
	}
	return id
}
