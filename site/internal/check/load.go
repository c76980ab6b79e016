// Package check makes a site of its files, or says everything that is wrong with them: it reads hosts,
// ethers, authorized_keys and lists, checks each value of site.toml by itself and against the others, and
// derives what follows. One step sees only what the steps before it found valid, so that no problem is
// reported twice in other words.
package check

import (
	"io/fs"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// The sizes of files are bounded so that a wrong file cannot take the memory of a small appliance; hosts and
// ethers have room for 20,000 hosts.
const (
	maxSite   = 1 << 20
	maxHosts  = 2 << 20
	maxEthers = 2 << 20
	MaxKeys   = 256 << 10
	maxHook   = 64 << 10
)

// Load reads and checks the site in fsys; site.Check says what it promises.
func Load(fsys fs.FS) (*model.Site, source.Problems) {
	l := &loader{files: source.NewFiles(fsys), missed: map[string]string{}}
	return l.load()
}

func (l *loader) load() (*model.Site, source.Problems) {
	l.readSite()
	l.checkHooks()
	l.mergeHosts(l.read(source.Hosts, maxHosts), l.read(source.Ethers, maxEthers))
	if !l.unread { // else hosts seem to be missing which are there
		l.checkGroups()
		l.checkNetboot()
		l.checkFirewall()
		l.checkDNS()
		l.judgeAbsent()
	}
	l.site.Hosts = l.hosts.sortedHosts()
	l.readKeys()
	l.warnOfFiles()
	if l.Count() > 0 {
		return nil, l.Problems()
	}
	l.warn()
	s := l.site // not a pointer into the loader, which would keep all that it has read
	return &s, l.Problems()
}

// loader turns the files of a site into a Site step by step; each step sees what
// the ones before it found valid.
type loader struct {
	source.Reporter
	files    *source.Files
	steps    int // comparisons of one thing with another, which a test counts
	raw      toml.Site
	site     model.Site
	parsed   bool              // all of site.toml was read
	networks []network         // what the valid addresses of WAN and LANs are connected to
	settled  bool              // parsed, and the addresses of WAN and LANs are all valid
	unread   bool              // hosts or ethers are refused as a whole
	absent   []string          // of hosts and ethers, those that are not there
	missed   map[string]string // by their names, a host of which they should say something
	hosts    *directory
	strays   []stray
	relayed  []network     // the valid ones
	keys     []source.Span // of authorized_keys

	checked []placedRule         // the rules of the firewall in their order
	listed  map[string]lanLine   // by the name of a list
	around  map[netip.Prefix]int // the networks that have all of a LAN, and 1 + the index of the first

	groups      []group
	bootServers map[source.Span]*hostEntry // by the place that names them
	bootFiles   []schemeField              // by number; nil: they were not read
	secrets     map[string]model.Secret    // by file; "": not usable, as was said
}

// text reads a file of text. It is nil if there is none or, after that was reported, if it is refused as a
// whole.
func (l *loader) text(name string, limit int64) (src *source.File, refused bool) {
	src, message := l.files.Read(name, limit)
	if message != "" {
		l.AtFile(name, "%s", message)
		return nil, true
	}
	if src == nil {
		return nil, false
	}
	switch at, reason := src.NotText(); {
	case at.OK():
		l.At(at, "%s", reason)
	case reason != "":
		l.AtFile(name, "%s", reason)
	default:
		return src, false
	}
	return nil, true
}

// read is text of hosts or ethers, which need not be there.
func (l *loader) read(name string, limit int64) *source.File {
	src, refused := l.text(name, limit)
	l.unread = l.unread || refused
	if src == nil {
		if !refused {
			l.absent = append(l.absent, name)
		}
		return source.New(name, "")
	}
	return src
}

// lacks reports that something about a host is not in a file, with its first name. If the file is not there
// at all, that is said once, by judgeAbsent.
func (l *loader) lacks(file, host string, at, other source.Span, format string, args ...any) {
	if !slices.Contains(l.absent, file) {
		l.Against(at, other, format, args...)
	} else if l.missed[file] == "" {
		l.missed[file] = host
	}
}

// judgeAbsent says what files are not there.
func (l *loader) judgeAbsent() {
	for _, name := range l.absent {
		if host := l.missed[name]; host != "" {
			l.AtFile(name, "is not there, and site.toml speaks of %q; expected a file of that name", host)
		} else {
			l.WarnFile(name, "is not there, as if it were empty; expected a file of that name")
		}
	}
}

func (l *loader) readSite() {
	src, refused := l.text(source.SiteTOML, maxSite)
	switch {
	case refused:
		return
	case src == nil:
		l.AtFile(source.SiteTOML, `is not there; expected a file that starts with name = "firewall"`)
		return
	}
	l.raw, l.parsed = toml.Decode(src, &l.Reporter)
	l.settled = l.parsed
	l.checkNames()
	l.checkWAN()
	l.checkTunnel()
	l.checkIPv6()
	l.checkLANs()
	l.checkGateways()
	l.checkTunnelBeside()
	l.checkOverlaps()
	l.checkRoutes()
	l.checkRelayed()
	l.checkTime()
	l.fillServers()
	l.checkConsole()
}

func (l *loader) readKeys() {
	before := l.Count()
	what := "is not there"
	if src, _ := l.text(source.AuthorizedKeys, MaxKeys); src != nil {
		what = "has no key"
		l.site.AuthorizedKeys, l.keys = readAuthorizedKeys(src, &l.Reporter)
	}
	if len(l.site.AuthorizedKeys) == 0 && l.Count() == before {
		l.AtFile(source.AuthorizedKeys, "%s, so nobody could log in over ssh; expected the line of at least one .pub file", what)
	}
}

func (l *loader) checkNames() {
	if name := l.raw.Name; name.OK() {
		switch reason := model.NotName(name.Text); {
		case reason != "":
			l.At(name.At, "name %q %s", name.Text, reason)
		case !model.IsLabel(name.Text):
			l.At(name.At, "name %q has a dot; expected the first label only, the rest is domain", name.Text)
		case model.IsSystemName(strings.ToLower(name.Text)):
			l.At(name.At, "%q is the name of every host for itself; expected another name", name.Text)
		default:
			l.site.Name = strings.ToLower(name.Text)
		}
	}
	if domain := l.raw.Domain; domain.OK() {
		switch reason := model.NotName(domain.Text); {
		case reason != "":
			l.At(domain.At, "domain %q %s", domain.Text, reason)
		case reservedDomain(strings.ToLower(domain.Text)) != "":
			l.At(domain.At, "domain %q is in %q, where nobody has names; expected another, such as \"home.arpa\" (RFC 8375)",
				domain.Text, reservedDomain(strings.ToLower(domain.Text)))
		case len(domain.Text) > model.MaxDomain:
			l.At(domain.At, "domain has %d characters; expected at most %d, so that any host name fits before it", len(domain.Text), model.MaxDomain)
		default:
			l.site.Domain = strings.ToLower(domain.Text)
		}
	}
}

func (l *loader) checkConsole() {
	login := l.raw.Console.Login
	switch {
	case !login.OK() || login.Text == toml.ConsoleShell:
	case login.Text == toml.ConsoleLocked:
		l.site.Console.Locked = true
	default:
		l.At(login.At, "login %q is unknown; expected %q or %q", login.Text, toml.ConsoleShell,
			toml.ConsoleLocked)
	}
}
