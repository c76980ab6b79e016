package check

import (
	"fmt"
	"slices"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// templateUse is a template, of [netboot] or of a group, and the hosts it is for.
type templateUse struct {
	field  schemeField
	raw    toml.Str
	hosts  []*hostEntry
	values []string // of hosts
	valid  bool     // all of them
}

// templateUses returns the templates in the order of the keys. One that is for no host
// is there too, because it may be wrong for any.
func (l *loader) templateUses(clients []*hostEntry) (uses []*templateUse) {
	for _, f := range l.fields() {
		byPlace := map[source.Span]*templateUse{}
		add := func(v toml.Str) {
			if v.OK() && byPlace[v.At] == nil {
				byPlace[v.At] = &templateUse{field: f, raw: v}
				uses = append(uses, byPlace[v.At])
			}
		}
		add(f.of(&l.raw.Netboot.Scheme))
		for _, g := range l.groups {
			if v := f.of(&g.raw.Netboot.Scheme); v.Text != toml.Off {
				add(v)
			}
		}
		for _, h := range clients {
			v, own := h.profile[f.key]
			if !own {
				v = f.of(&l.raw.Netboot.Scheme)
			}
			if use := byPlace[v.At]; use != nil {
				use.hosts = append(use.hosts, h)
			}
		}
	}
	return uses
}

// derive expands a template for every host and checks what comes out. Without
// hosts it is checked for an imagined one.
func (l *loader) derive(use *templateUse, t template) {
	if len(use.hosts) == 0 {
		server := l.serverFor(&hostEntry{}, l.bootServers[l.raw.Netboot.Server.At])
		use.hosts = []*hostEntry{{Host: model.Host{Name: "host",
			Netboot: &model.HostNetboot{Server: server}}}}
	}
	for _, h := range use.hosts {
		value := t.expand(l.values(h))
		use.values = append(use.values, value)
		use.field.set(h.Netboot, value)
		l.checkUnambiguous(use, t, h)
	}
	use.valid = l.checkValues(use)
}

// checkValues reports what is wrong with the values, once for all hosts. It names
// a host if not all of them have the same problem.
func (l *loader) checkValues(use *templateUse) bool {
	reasons := make([]string, len(use.values))
	for i, value := range use.values {
		reasons[i] = use.field.check(value)
	}
	first := slices.IndexFunc(reasons, func(r string) bool { return r != "" })
	if first < 0 {
		return true
	}
	subject := use.field.key
	if slices.ContainsFunc(reasons, func(r string) bool { return r != reasons[first] }) {
		subject = fmt.Sprintf("%s of %q", use.field.key, use.hosts[first].Name)
	}
	l.At(use.raw.At, "%s %s", subject, reasons[first])
	return false
}

// checkDistinct reports the first two hosts that would share an iSCSI name, for each
// template.
func (l *loader) checkDistinct(uses []*templateUse) {
	owners := map[string]map[string]*hostEntry{} // by key, by name
	for _, use := range uses {
		if use.field.name == nil || !use.valid {
			continue
		}
		if owners[use.field.key] == nil {
			owners[use.field.key] = map[string]*hostEntry{}
		}
		for i, h := range use.hosts {
			name := use.field.name(use.values[i])
			if first, taken := owners[use.field.key][name]; taken {
				l.At(use.raw.At, "%s gives %q and %q the same name %s; expected {name} in it, so that they differ", use.field.key, first.Name, h.Name, name)
				break
			}
			owners[use.field.key][name] = h
		}
	}
}
