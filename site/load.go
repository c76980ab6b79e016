package site

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"
)

// The files of a site. Their sizes are bounded so that a wrong file cannot take
// the memory of a small appliance; hosts and ethers have room for 20,000 hosts.
const (
	fileSite   = "site.toml"
	fileHosts  = "hosts"
	fileEthers = "ethers"
	fileKeys   = "authorized_keys"

	maxSite   = 1 << 20
	maxHosts  = 2 << 20
	maxEthers = 2 << 20
	maxKeys   = 256 << 10
)

// fileRank orders problems by file.
func fileRank(name string) int {
	known := []string{fileSite, fileHosts, fileEthers, fileKeys}
	if i := slices.Index(known, name); i >= 0 {
		return i
	}
	return len(known) // the lists of the firewall, by name
}

// Load reads and checks the site in fsys. Absent files hosts and ethers are the
// same as empty ones. The error is of type Problems and has everything that is
// wrong, except what only follows from another problem: a value that is wrong
// itself takes no part in checks against others.
func Load(fsys fs.FS) (*Site, error) {
	l := &loader{}
	l.readSite(fsys)
	hosts := l.read(fsys, fileHosts, maxHosts)
	ethers := l.read(fsys, fileEthers, maxEthers)
	l.mergeHosts(hosts, ethers)
	l.checkGroups()
	l.checkNetboot()
	l.checkFirewall(fsys)
	l.site.Hosts = l.hosts.sortedHosts()
	l.readKeys(fsys)
	if problems := l.problems(); len(problems) > 0 {
		return nil, problems
	}
	return &l.site, nil
}

// loader turns the files of a site into a Site step by step; each step sees what
// the ones before it found valid.
type loader struct {
	reporter
	raw      rawSite
	site     Site
	parsed   bool      // all of site.toml was read
	networks []network // what the valid addresses of WAN and LANs are connected to
	settled  bool      // parsed, and the addresses of WAN and LANs are all valid
	hosts    *directory
	relayed  []network // the valid ones

	groups      []group
	bootServers map[span]*hostEntry // by the place that names them
}

func (l *loader) read(fsys fs.FS, name string, limit int64) *source {
	src, message := read(fsys, name, limit)
	if message != "" {
		l.file(name, "%s", message)
	}
	if src == nil {
		return newSource(name, "")
	}
	return src
}

func (l *loader) readSite(fsys fs.FS) {
	src, message := read(fsys, fileSite, maxSite)
	if src == nil {
		l.file(fileSite, "%s", cmp.Or(message, `is not there; expected a file that starts with name = "firewall"`))
		return
	}
	l.raw, l.parsed = decodeSite(src, &l.reporter)
	l.settled = l.parsed
	l.checkNames()
	l.checkWAN()
	l.checkLANs()
	l.checkOverlaps()
	l.checkRoutes()
	l.checkRelayed()
	l.checkServers()
	l.fillServers()
	l.checkConsole()
}

func (l *loader) readKeys(fsys fs.FS) {
	before := len(l.list)
	l.site.AuthorizedKeys = readAuthorizedKeys(l.read(fsys, fileKeys, maxKeys), &l.reporter)
	if len(l.site.AuthorizedKeys) == 0 && len(l.list) == before {
		l.file(fileKeys, "has no key, so nobody could log in over ssh; expected the line of at least one .pub file")
	}
}

func (l *loader) checkNames() {
	if name := l.raw.Name; name.ok() {
		switch reason := notName(name.s); {
		case reason != "":
			l.at(name.at, "name %q %s", name.s, reason)
		case !isLabel(name.s):
			l.at(name.at, "name %q has a dot; expected the first label only, the rest is domain", name.s)
		case isSystemName(strings.ToLower(name.s)):
			l.at(name.at, "%q is the name of every host for itself; expected another name", name.s)
		default:
			l.site.Name = strings.ToLower(name.s)
		}
	}
	if domain := l.raw.Domain; domain.ok() {
		switch reason := notName(domain.s); {
		case reason != "":
			l.at(domain.at, "domain %q %s", domain.s, reason)
		case len(domain.s) > maxDomain:
			l.at(domain.at, "domain has %d characters; expected at most %d, so that any host name fits before it", len(domain.s), maxDomain)
		default:
			l.site.Domain = strings.ToLower(domain.s)
		}
	}
}

func (l *loader) checkConsole() {
	login := l.raw.Console.Login
	switch {
	case !login.ok() || login.s == consoleShell:
	case login.s == consoleLocked:
		l.site.Console.Locked = true
	default:
		l.at(login.at, "login %q is unknown; expected %q or %q", login.s, consoleShell, consoleLocked)
	}
}
