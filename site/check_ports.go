package site

import "github.com/gatehouse-os/gatehouse/services/dhcp/option"

// maxPortID is the length of one sub-option of option 82.
const maxPortID = 255

// checkPorts tells hosts where they are plugged in.
func (l *loader) checkPorts() {
	seen := map[string]span{}
	for _, raw := range l.raw.Ports {
		port := Port{Circuit: l.portID("circuit", raw.Circuit), Remote: l.portID("remote", raw.Remote)}
		h := l.portHost(raw)
		if !raw.Circuit.ok() && !raw.Remote.ok() && l.parsed {
			l.at(raw.At, `[[port]] says neither circuit nor remote; expected at least one, such as circuit = "ge-0/0/7"`)
		}
		if len(port.Circuit)+len(port.Remote) == 0 {
			continue
		}
		if first, taken := seen[port.String()]; taken {
			l.against(raw.At, first, "the port %s is here a second time; expected one host for it", port)
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

func (l *loader) portHost(raw rawPort) *hostEntry {
	v := raw.Host
	if !v.ok() {
		return nil
	}
	known, ok := l.hosts.names[canonical(v.s, l.site.Domain)]
	switch {
	case !ok:
		l.at(v.at, "host %q is not in hosts; expected a host with an address there%s", v.s, l.hosts.suggest(v.s))
		return nil
	case known.host == l.self():
		l.against(v.at, known.at, "%q is the appliance itself, which asks no DHCP server; expected another host", v.s)
		return nil
	case !isLabel(known.host.Name):
		l.against(v.at, known.at, "host %q is in another domain, so DHCP cannot give it its name; expected one of the site's", v.s)
		return nil
	}
	return known.host
}

// portID reads an identifier: text, or bytes after "hex:".
func (l *loader) portID(key string, v str) option.Bytes {
	if !v.ok() {
		return nil
	}
	var id option.Bytes
	if err := id.UnmarshalText([]byte(v.s)); err != nil {
		l.at(v.at, `%s %q is not understood; expected text, or pairs of hex digits as in "hex:00:04:00:0a"`, key, v.s)
		return nil
	}
	if len(id) == 0 || len(id) > maxPortID {
		l.at(v.at, "%s has %d bytes; expected 1 to %d", key, len(id), maxPortID)
		return nil
	}
	return id
}
