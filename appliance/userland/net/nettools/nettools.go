// Package nettools is the older commands of the network, as busybox has them: ifconfig, route, arp and
// netstat. They read what is in /proc/net, and change by ioctl(2). Addresses and ports are shown as numbers,
// whether -n is given or not: who sits before a network that does not work shall not wait for names. ip and
// ss say more.
package nettools

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"arp": {
			Usage: "[-n] [-i LINK] [-a] [ADDRESS] | -d ADDRESS | -s ADDRESS MAC [WORD]...",
			Help: `  -a       show who is known, which is what it does without
  -d       forget one
  -s       know one, for ever; temp: until it is not seen; pub: answer for it
  -D       the address of a link as MAC: -Ds ADDRESS LINK pub
  -i LINK  of that link
  -n       numbers, which it is anyway
  -v       says nothing more
`,
			Letters: "A:p:H:t:i:adnDsv", Run: arp,
		},
		"ifconfig": {
			Usage: "[-a] [LINK [ADDRESS] [WORD]...]",
			Help: `  -a  links that are down too
WORD is one of: up down add ADDRESS/LENGTH del ADDRESS/LENGTH netmask MASK
broadcast ADDRESS|+ pointopoint ADDRESS dstaddr ADDRESS hw ether MAC mtu N
metric N txqueuelen N [-]arp [-]promisc [-]allmulti [-]multicast [-]dynamic
[-]trailers
`,
			Raw: true, Run: ifconfig,
		},
		"netstat": {
			Usage: "[-rlantuwxepW]",
			Help: `  -r  the routes
  -t  sockets of TCP; -u: of UDP; -w: raw ones; -x: of Unix; without, all
  -l  those that listen; -a: these and those with another end
  -p  who holds them
  -W  wide addresses
  -n  numbers, which it is anyway
  -e  more of the routes
`,
			Letters: "laentuwxrWp", Run: netstat,
		},
		"route": {
			Usage: "[-ne] [-A inet|inet6] [add|del [-net|-host] TARGET [WORD]...]",
			Help: `  -n  numbers for default and *
  -e  more
  -A  of this family
WORD is one of: netmask MASK gw ADDRESS metric N mss N window N irtt N reject
mod dyn reinstate [dev] LINK
`,
			Raw: true, Run: route,
		},
	}
}

// lines are those of a file of /proc/net behind the first that are heads. A file that is not there has none:
// a kernel without IPv6.
func lines(file string, heads int) ([]string, error) {
	text, err := os.ReadFile("/proc/thread-self/net/" + file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	all := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	return all[min(heads, len(all)):], err
}

// bit is the name of one bit of a set.
type bit struct {
	mask int
	name string
}

// inet reads an address of IPv4; default and 0 are all.
func inet(text string) (netip.Addr, error) {
	if text == "default" {
		return netip.IPv4Unspecified(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return a, fmt.Errorf("%s: expected an address like 192.0.2.1", text)
	}
	return a, nil
}

// explain says to a person what an error of the kernel means.
func explain(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENODEV):
		err = errors.New("there is no such link")
	case errors.Is(err, unix.EADDRNOTAVAIL):
		err = errors.New("there is no such address")
	case errors.Is(err, unix.ESRCH):
		err = errors.New("there is no such route")
	case errors.Is(err, unix.EPERM):
		err = errors.New("only root (CAP_NET_ADMIN) may do that")
	}
	return fmt.Errorf("%s: %w", what, err)
}
