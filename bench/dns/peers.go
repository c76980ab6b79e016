package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

// fill puts words into a configuration, in the place of their names.
func fill(text string, words ...string) func(io.Writer) {
	return func(w io.Writer) { fmt.Fprint(w, strings.NewReplacer(words...).Replace(text)) }
}

const unboundConf = `
server:
 interface: ADDRESS
 access-control: 0.0.0.0/0 allow
 username: ""
 chroot: ""
 pidfile: ""
 use-syslog: no
 directory: "DIR"
 num-threads: THREADS
 module-config: "iterator"
 msg-cache-size: 16m
 rrset-cache-size: 16m
 so-rcvbuf: 4m
 so-sndbuf: 4m
remote-control:
 control-enable: yes
 control-interface: "DIR/control"
 control-use-cert: no
forward-zone:
 name: "."
 forward-addr: OUTSIDE
server:
 local-zone: "DOMAIN." static
 local-zone: "10.in-addr.arpa." static
`

func unbound(threads int) program {
	conf := func(dir string) string { return filepath.Join(dir, "unbound.conf") }
	name := "unbound"
	if threads > 1 {
		name = fmt.Sprintf("unbound (%d)", threads)
	}
	return program{
		name: name, house: true, outside: true,
		command: func(dir string) ([]string, error) {
			return []string{"unbound", "-d", "-c", conf(dir)}, nil
		},
		write: func(dir string, n int) error {
			return create(conf(dir), func(w io.Writer) {
				fill(unboundConf, "ADDRESS", wire.ServerAddr, "OUTSIDE", wire.RelayAddr, "DOMAIN", domain,
					"DIR", dir, "THREADS", fmt.Sprint(threads))(w)
				for i := range n {
					h := hostAt(i)
					fmt.Fprintf(w, " local-data: \"%s.%s. %d A %s\"\n", h.name, domain, ttl, h.v4)
					fmt.Fprintf(w, " local-data: \"%s.%s. %d AAAA %s\"\n", h.name, domain, ttl, h.v6)
					fmt.Fprintf(w, " local-data-ptr: \"%s %d %s.%s.\"\n", h.v4, ttl, h.name, domain)
				}
			})
		},
		reloadBy: func(dir string) []string { return []string{"unbound-control", "-c", conf(dir), "reload"} },
	}
}

// hostsFile writes hosts as /etc/hosts has them.
func hostsFile(path string, n int) error {
	return create(path, func(w io.Writer) {
		for i := range n {
			h := hostAt(i)
			fmt.Fprintf(w, "%s %s.%s\n%s %[2]s.%s\n", h.v4, h.name, domain, h.v6)
		}
	})
}

func dnsmasq() program {
	file := func(dir string) string { return filepath.Join(dir, "hosts") }
	return program{
		name: "dnsmasq", house: true, outside: true, reload: syscall.SIGHUP,
		command: func(dir string) ([]string, error) {
			return []string{
				"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file=",
				"--no-hosts", "--no-resolv", "--listen-address=" + wire.ServerAddr, "--bind-interfaces",
				"--addn-hosts=" + file(dir), "--local=/" + domain + "/", fmt.Sprintf("--local-ttl=%d", ttl),
				"--cache-size=10000", "--server=" + wire.RelayAddr,
			}, nil
		},
		write: func(dir string, n int) error { return hostsFile(file(dir), n) },
	}
}

const corefile = `
DOMAIN in-addr.arpa {
 bind ADDRESS
 hosts DIR/hosts {
  ttl TTL
  reload 0
  fallthrough
 }
 file DIR/zone DOMAIN
}
. {
 bind ADDRESS
 cache TTL {
  success 40000
 }
 forward . OUTSIDE
}
`

// stockCoreDNS has the hosts of a file; and since its plugin says SERVFAIL for names that are not in it, an
// empty zone says NXDOMAIN.
func stockCoreDNS(binary string) program {
	in := func(dir, name string) string { return filepath.Join(dir, name) }
	return program{
		name: "CoreDNS", house: true, outside: true, reload: syscall.SIGUSR1,
		command: func(dir string) ([]string, error) {
			conf := fill(corefile, "DOMAIN", domain, "ADDRESS", wire.ServerAddr, "OUTSIDE", wire.RelayAddr,
				"DIR", dir, "TTL", fmt.Sprint(ttl))
			return []string{binary, "-quiet", "-conf", in(dir, "Corefile")}, create(in(dir, "Corefile"), conf)
		},
		write: func(dir string, n int) error {
			empty := func(w io.Writer) { writeHead(w, domain, wire.ServerAddr) }
			return errors.Join(hostsFile(in(dir, "hosts"), n), create(in(dir, "zone"), empty))
		},
	}
}

// writeZones writes the two zones of the house as master files.
func writeZones(dir string, n int) error {
	return errors.Join(
		create(filepath.Join(dir, "forward"), func(w io.Writer) { writeHouse(w, n) }),
		create(filepath.Join(dir, "reverse"), func(w io.Writer) { writeReverse(w, n) }))
}

const knotConf = `
server:
  rundir: "DIR"
  listen: ADDRESS@53
  udp-workers: 1
database:
  storage: "DIR"
template:
  - id: default
    storage: "DIR"
    journal-content: none
    zonefile-load: whole
zone:
  - domain: DOMAIN
    file: forward
  - domain: 10.in-addr.arpa
    file: reverse
`

func knot() program {
	return program{
		name: "knot", house: true, reload: syscall.SIGHUP, write: writeZones,
		command: func(dir string) ([]string, error) {
			conf := filepath.Join(dir, "knot.conf")
			return []string{"knotd", "-c", conf},
				create(conf, fill(knotConf, "DIR", dir, "ADDRESS", wire.ServerAddr, "DOMAIN", domain))
		},
	}
}

const nsdConf = `
server:
 ip-address: ADDRESS
 username: ""
 zonesdir: "DIR"
 pidfile: ""
 xfrdfile: ""
 zonelistfile: "DIR/list"
 xfrdir: "DIR"
 server-count: 1
 rrl-ratelimit: 0
remote-control:
 control-enable: no
`

// runNSD returns how to start nsd with zones and their files, in dir.
func runNSD(dir, addr string, zones ...[2]string) ([]string, error) {
	conf := filepath.Join(dir, "nsd.conf")
	return []string{"nsd", "-d", "-c", conf}, create(conf, func(w io.Writer) {
		fill(nsdConf, "DIR", dir, "ADDRESS", addr)(w)
		for _, z := range zones {
			fmt.Fprintf(w, "zone:\n name: %s\n zonefile: %s\n", z[0], z[1])
		}
	})
}

func nsd() program {
	return program{
		name: "nsd", house: true, write: writeZones,
		command: func(dir string) ([]string, error) {
			return runNSD(dir, wire.ServerAddr, [2]string{domain, "forward"},
				[2]string{"10.in-addr.arpa", "reverse"})
		},
	}
}

const kresdConf = `
net.listen('ADDRESS', 53)
trust_anchors.remove('.')
cache.size = 32 * MB
policy.add(policy.all(policy.FORWARD({'OUTSIDE'})))
`

func kresd() program {
	conf := func(dir string) string { return filepath.Join(dir, "kresd.conf") }
	return program{
		name: "Knot Resolver", outside: true,
		command: func(dir string) ([]string, error) {
			return []string{"kresd", "-n", "-c", conf(dir), dir}, nil
		},
		write: func(dir string, _ int) error {
			return create(conf(dir), fill(kresdConf, "ADDRESS", wire.ServerAddr, "OUTSIDE", wire.RelayAddr))
		},
	}
}
