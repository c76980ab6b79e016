package brctl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/netdevice"
)

// Requests (linux/sockios.h, linux/if_bridge.h).
const (
	addBridge    = 0x89a0 // SIOCBRADDBR
	deleteBridge = 0x89a1
	addPort      = 0x89a2
	deletePort   = 0x89a3
	ofBridges    = 0x8940 // SIOCGIFBR
	ofBridge     = 0x89f0 // SIOCDEVPRIVATE

	getBridges      = 1 // BRCTL_*
	getInfo         = 6
	getPorts        = 7
	setForwardDelay = 8
	setHello        = 9
	setMaxAge       = 10
	setAgeing       = 11
	getPortInfo     = 13
	setTree         = 14
	setPriority     = 15
	setPortPriority = 16
	setPathCost     = 17
	getEntries      = 18

	ticks    = 100 // of a second, in what is told to a process
	maxNames = 1024
	maxPorts = 1024
)

func open() (netdevice.Socket, error) { return netdevice.Open(unix.AF_INET) }

// explain says to a person what an error of the kernel means.
func explain(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		err = errors.New("there is no such link")
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOTTY):
		err = errors.New("it is no bridge")
	case errors.Is(err, unix.EEXIST):
		err = errors.New("it is there already")
	case errors.Is(err, unix.EBUSY):
		err = errors.New("it is in use: a bridge that is up, or a port of another")
	case errors.Is(err, unix.ERANGE):
		err = errors.New("the number is out of range")
	case errors.Is(err, unix.EPERM):
		err = errors.New("only root (CAP_NET_ADMIN) may do that")
	}
	return fmt.Errorf("%s: %w", what, err)
}

// bridge makes or deletes a bridge.
func (b bridges) bridge(request uint, name string) error {
	r, err := netdevice.NewRequest(name)
	if err != nil {
		return err
	}
	return explain(name, b.Do(request, r))
}

// ports adds or takes ports.
func (b bridges) ports(request uint, name string, links []string) error {
	for _, link := range links {
		l, err := netdevice.NewRequest(link)
		if err == nil {
			err = b.Do(unix.SIOCGIFINDEX, l)
		}
		if err != nil {
			return explain(link, err)
		}
		r, err := netdevice.NewRequest(name)
		if err != nil {
			return err
		}
		r.SetNumber(l.Number())
		if err := b.Do(request, r); err != nil {
			return explain(name+" "+link, err)
		}
	}
	return nil
}

// arguments are those of a request of a bridge; the second may point to an answer.
type arguments struct {
	command uint64
	answer  unsafe.Pointer
	numbers [2]uint64
}

// ask does a request that answers.
func (b bridges) ask(bridge string, a *arguments) (n int, err error) {
	return b.Private(bridge, ofBridge, unsafe.Pointer(a))
}

// set does a request of two numbers.
func (b bridges) set(bridge string, what, first, second uint64) error {
	numbers := [4]uint64{what, first, second}
	_, err := b.Private(bridge, ofBridge, unsafe.Pointer(&numbers))
	return err
}

// names are those of all bridges, in order.
func (b bridges) names() (all []string, err error) {
	indices := make([]int32, maxNames)
	a := &arguments{command: getBridges, answer: unsafe.Pointer(&indices[0]), numbers: [2]uint64{maxNames}}
	n, err := b.CallCounted(ofBridges, unsafe.Pointer(a))
	if err != nil {
		return nil, explain("list of bridges", err)
	}
	for _, index := range indices[:min(n, maxNames)] {
		if name, err := b.LinkName(int(index)); err == nil {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all, nil
}

// record is an answer of the kernel's.
type record []byte

func (r record) u16(at int) uint16 { return binary.NativeEndian.Uint16(r[at:]) }
func (r record) u32(at int) uint32 { return binary.NativeEndian.Uint32(r[at:]) }

// id words an identifier of the spanning tree: priority and address.
func (r record) id(at int) string { return fmt.Sprintf("%x.%x", r[at:at+2], r[at+2:at+8]) }

// Where struct __bridge_info has what.
const (
	atRoot     = 0
	atBridge   = 8
	atRootPort = 46
	atSTP      = 47
	infoLen    = 72
	portLen    = 48
)

func (r record) stp() byte { return r[atSTP] }

// info is the struct __bridge_info of a bridge.
func (b bridges) info(name string) (record, error) {
	r := make(record, infoLen)
	_, err := b.ask(name, &arguments{command: getInfo, answer: unsafe.Pointer(&r[0])})
	return r, err
}

// portInfo is the struct __port_info of a port.
func (b bridges) portInfo(name string, number int) (record, error) {
	r := make(record, portLen)
	_, err := b.ask(name, &arguments{command: getPortInfo, answer: unsafe.Pointer(&r[0]),
		numbers: [2]uint64{uint64(number)}})
	return r, err
}

// A port of a bridge, with its number there.
type port struct {
	name   string
	number int
}

// portsOf are the ports of a bridge by their names.
func (b bridges) portsOf(name string) (all []port, err error) {
	indices := make([]int32, maxPorts)
	a := &arguments{command: getPorts, answer: unsafe.Pointer(&indices[0]), numbers: [2]uint64{maxPorts}}
	if _, err := b.ask(name, a); err != nil {
		return nil, err
	}
	numbers := map[string]int{}
	for number, index := range indices {
		if index == 0 {
			continue
		}
		if name, err := b.LinkName(int(index)); err == nil {
			numbers[name] = number
		}
	}
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		all = append(all, port{name, numbers[name]})
	}
	return all, nil
}

// entries are the lines about the addresses that a bridge knows (struct __fdb_entry), ordered by them.
func (b bridges) entries(name string) ([]string, error) {
	const length, batch = 16, 512
	lines := map[string]string{}
	for offset := 0; ; {
		buffer := make(record, length*batch)
		a := &arguments{getEntries, unsafe.Pointer(&buffer[0]), [2]uint64{batch, uint64(offset)}}
		n, err := b.ask(name, a)
		if err != nil {
			return nil, err
		}
		for i := range min(n, batch) {
			e := buffer[length*i : length*(i+1)]
			local := "no"
			if e[7] != 0 {
				local = "yes"
			}
			mac := netdevice.MAC(e[:6])
			lines[mac+strconv.Itoa(offset+i)] = fmt.Sprintf("%3d\t%s\t%s\t\t%s", int(e[6])|int(e[12])<<8, mac,
				local, seconds(e.u32(8)))
		}
		if offset += n; n < batch {
			break
		}
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		all = append(all, lines[key])
	}
	return all, nil
}
