package lookup

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// resolvConf is what of resolv.conf(5) these commands use.
type resolvConf struct {
	servers []netip.Addr // at most 3; none in the file: the machine itself
	search  []string     // at most 6
	ndots   int
}

const (
	maxServers = 3
	maxSearch  = 6
	confFile   = "/etc/resolv.conf"
)

// readConf reads the file of the system. One that is not there is an empty one.
func readConf() (resolvConf, error) {
	f, err := os.Open(confFile)
	if errors.Is(err, fs.ErrNotExist) {
		return parseConf(strings.NewReader(""))
	}
	if err != nil {
		return resolvConf{}, err
	}
	defer f.Close()
	return parseConf(io.LimitReader(f, 64<<10))
}

// parseConf ignores what it does not know, as the C library does.
func parseConf(r io.Reader) (resolvConf, error) {
	conf := resolvConf{ndots: 1}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			if addr, err := netip.ParseAddr(words[1]); err == nil && len(conf.servers) < maxServers {
				conf.servers = append(conf.servers, addr)
			}
		case "search", "domain":
			conf.search = words[1:min(len(words), maxSearch+1)]
		case "options":
			for _, o := range words[1:] {
				if n, err := strconv.Atoi(strings.TrimPrefix(o, "ndots:")); err == nil &&
					strings.HasPrefix(o, "ndots:") {
					conf.ndots = min(max(n, 0), 15)
				}
			}
		}
	}
	if len(conf.servers) == 0 {
		conf.servers = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return conf, lines.Err()
}

// candidates are the names that a word may stand for, in the order in which they are asked for: as dig and
// host have it, one with dots enough is no other's beginning.
func (c resolvConf) candidates(name string) (all []string) {
	if strings.HasSuffix(name, ".") || strings.Count(name, ".") >= c.ndots {
		return []string{name}
	}
	for _, domain := range c.search {
		if domain = strings.TrimSuffix(domain, "."); domain != "" {
			all = append(all, name+"."+domain)
		}
	}
	return append(all, name)
}
