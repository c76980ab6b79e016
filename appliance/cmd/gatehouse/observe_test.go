package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/site"
)

// An observation is all that a site decides of a running box, as others see it: the kernel by nft(8), ip(8)
// and ss(8), processes by proc(5). Its keys say where something was seen. It has nothing in it that one start
// has otherwise than the next.
type observation map[string][]string

// differences are the lines that only one of two observations has.
func (o observation) differences(want observation) (all []string) {
	keys := slices.Sorted(maps.Keys(o))
	for k := range want {
		if _, both := o[k]; !both {
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		for _, l := range without(o[k], want[k]) {
			all = append(all, k+": + "+l)
		}
		for _, l := range without(want[k], o[k]) {
			all = append(all, k+": - "+l)
		}
		if len(all) == 0 && !slices.Equal(o[k], want[k]) {
			all = append(all, k+": another order: "+strings.Join(o[k], " | "))
		}
	}
	return all
}

// without are the lines of a that b has not as often.
func without(a, b []string) (rest []string) {
	n := map[string]int{}
	for _, l := range b {
		n[l]++
	}
	for _, l := range a {
		if n[l]--; n[l] < 0 {
			rest = append(rest, l)
		}
	}
	return rest
}

// sorted says that the order means nothing.
func sorted(lines []string) []string {
	slices.Sort(lines)
	return lines
}

// observe looks at the box. s is the site that runs, for its settings.
func (b *testBox) observe(s *site.Site) observation {
	b.t.Helper()
	o := observation{}
	b.settle(s)
	b.observeKernel(o)
	b.observeSettings(o, s)
	b.observeFiles(o)
	b.observeProcesses(o)
	return o
}

// settle waits for what the kernel does by and by with each IPv6 address, its own ones too
// (net/ipv6/addrconf.c, addrconf_dad_work): only then packets to it are for the box.
func (b *testBox) settle(s *site.Site) {
	b.t.Helper()
	b.settleAdverts(s)
	if s.WAN.DHCP != nil || s.WAN.Auto6 {
		testnet.Eventually(b.t, patience, "init follows the client of the way out", func() bool {
			return strings.Contains(b.Run("ss", "-H", "-x", "state", "connected"), runDir+"/wan.sock")
		})
	}
	testnet.Eventually(b.t, patience, "the kernel listens to all of its IPv6 addresses", func() bool {
		local := map[any]bool{}
		for _, r := range b.objects("ip", "-j", "-6", "route", "show", "table", "local") {
			local[r["dst"]] = true
		}
		for _, l := range b.objects("ip", "-j", "-6", "addr", "show") {
			addrs, _ := l["addr_info"].([]any)
			for _, a := range addrs {
				if address := a.(map[string]any)["local"]; address != nil && !local[address] {
					return false
				}
			}
		}
		return true
	})
}

// settleAdverts waits until advertisements are sent and heard on all links where they are to be: services
// open their sockets when the kernel has told them that a link and its address are there.
func (b *testBox) settleAdverts(s *site.Site) {
	b.t.Helper()
	var want []string
	for _, l := range s.LANs {
		if l.HasIPv6() {
			want = append(want, l.Link())
		}
	}
	if s.WAN.Auto6 {
		want = append(want, s.WAN.Link())
	}
	const icmp6 = "]:58 "
	testnet.Eventually(b.t, patience, fmt.Sprintf("there are advertisements on %q", want), func() bool {
		n := 0
		for _, l := range b.objects("ip", "-j", "link", "show") {
			if slices.Contains(want, fmt.Sprint(l["ifname"])) {
				n++
			}
		}
		return strings.Count(b.Run("ss", "-H", "-wln"), icmp6) == n
	})
}

// objects runs a program that prints JSON.
func (b *testBox) objects(program string, args ...string) (all []map[string]any) {
	b.t.Helper()
	out := b.Run(program, args...)
	if strings.TrimSpace(out) == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		b.t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return all
}

// line is an object without some of its fields.
func line(object map[string]any, without ...string) string {
	for _, key := range without {
		delete(object, key)
	}
	text, err := json.Marshal(object) // which sorts the keys
	if err != nil {
		panic(err) // it was JSON before
	}
	return string(text)
}

// observeKernel looks at rules, links, addresses and routes, and at the choices that come of them.
func (b *testBox) observeKernel(o observation) {
	b.t.Helper()
	b.observeRules(o)
	for _, l := range b.objects("ip", "-j", "-d", "link", "show") {
		// Of what has been up once the kernel keeps the way that it queues.
		o["links"] = append(o["links"], line(l, "link_index", "link_netnsid", "qdisc"))
	}
	for _, l := range b.objects("ip", "-j", "-d", "addr", "show") {
		addrs, _ := l["addr_info"].([]any)
		for _, a := range addrs {
			text := line(a.(map[string]any), "preferred_life_time", "valid_life_time")
			o["addresses"] = append(o["addresses"], fmt.Sprint(l["ifname"], " ", text))
		}
	}
	sorted(o["addresses"])
	for _, family := range []string{"-4", "-6"} {
		for _, r := range b.objects("ip", "-j", "-d", family, "route", "show", "table", "all") {
			o["routes"] = append(o["routes"], family+" "+line(r))
		}
		o["routing rules"] = append(o["routing rules"], b.Run("ip", family, "rule"))
	}
	sorted(o["routes"])
	for _, to := range []string{"198.51.100.1", "192.0.2.1", "192.168.32.50", "192.168.33.50", "192.168.34.50",
		"10.8.1.1", "10.10.1.1", "2001:db8:f00::1", "2001:db8:0:20::9", "2001:db8:8::9"} {
		out, _ := b.Try("ip", "route", "get", to) // no way is an answer, too
		o["choices"] = append(o["choices"], strings.Join(strings.Fields(out), " "))
	}
	for _, kind := range []string{"tcp -tln", "udp -uln", "raw -wln", "packet -0an"} {
		name, option, _ := strings.Cut(kind, " ")
		for l := range strings.Lines(b.Run("ss", "-H", option)) {
			if f := strings.Fields(l); len(f) > 1 {
				o["sockets"] = append(o["sockets"], name+" "+strings.Join(f[len(f)-2:], " ")) // without how full it is
			}
		}
	}
	sorted(o["sockets"])
}

// observeRules looks at the tables: rules in their order, everything else in any; neither counts nor what is
// banned.
func (b *testBox) observeRules(o observation) {
	b.t.Helper()
	var listed struct {
		Nftables []map[string]map[string]any `json:"nftables"`
	}
	out := b.Run("nft", "-j", "list", "ruleset")
	if err := json.Unmarshal([]byte(out), &listed); err != nil {
		b.t.Fatalf("nft: %v\n%s", err, out)
	}
	for _, object := range listed.Nftables {
		for kind, v := range object {
			elements, isSet := v["elem"].([]any)
			switch {
			case kind == "metainfo":
				continue
			case isSet && isKept(v):
				delete(v, "elem")
			case isSet:
				slices.SortFunc(elements, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
			if kind == "rule" {
				key := "rules of " + fmt.Sprint(v["chain"])
				o[key] = append(o[key], uncounted(line(v, "handle", "index")))
				continue
			}
			o["table"] = append(o["table"], kind+" "+uncounted(line(v, "handle")))
		}
	}
	sorted(o["table"])
}

var counts = regexp.MustCompile(`"(packets|bytes)":\d+`)

func uncounted(line string) string { return counts.ReplaceAllString(line, `"$1":0`) }

// observeSettings reads those of the plan, and all that the kernel has of links.
func (b *testBox) observeSettings(o observation, s *site.Site) {
	b.t.Helper()
	root := fmt.Sprintf("/proc/%d/root", b.pid)
	err := b.Do(func() error { // /proc/sys/net is the reader's
		for _, sysctl := range plan.Make(s, plan.Learned{}).Network.Sysctls {
			value, err := os.ReadFile(root + sysctl.Path())
			if errors.Is(err, fs.ErrNotExist) && strings.Contains(sysctl.Path(), "/conf/") {
				continue // its link is not there
			}
			if err != nil {
				return err
			}
			o["settings"] = append(o["settings"], sysctl.Key+"="+strings.TrimSpace(string(value)))
		}
		for _, family := range []string{"ipv4", "ipv6"} {
			dir := root + "/proc/sys/net/" + family + "/conf"
			files, err := filepath.Glob(dir + "/*/*")
			if err != nil || len(files) == 0 {
				return fmt.Errorf("%s: nothing, %w", dir, err)
			}
			for _, path := range files {
				if value, err := os.ReadFile(path); err == nil { // stable_secret has none until it is set
					name := strings.TrimPrefix(path, root)
					o["settings"] = append(o["settings"], name+"="+strings.TrimSpace(string(value)))
				}
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// observeFiles reads what the box has for its commands, its name, and whether its console is locked.
func (b *testBox) observeFiles(o observation) {
	b.t.Helper()
	root := fmt.Sprintf("/proc/%d/root", b.pid)
	err := filepath.WalkDir(root+runDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root)
		o["files"] = append(o["files"], fmt.Sprint(info.Mode(), " ", name))
		if strings.HasSuffix(name, ".json") || filepath.Dir(name) == etcDir {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			o[name] = strings.Split(string(data), "\n")
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	o["name"] = []string{b.inside("hostname")}
	o["console"] = []string{b.locked()}
	o["firewall diff"] = []string{b.gatehouse("firewall", "diff")}
}

// observeProcesses looks at the services: what they were given, and what they and process 1 have open.
func (b *testBox) observeProcesses(o observation) {
	b.t.Helper()
	var st admin.Status
	if err := json.Unmarshal([]byte(b.gatehouse("status", "--json")), &st); err != nil {
		b.t.Fatal(err)
	}
	// There is no gateway. That is seen once somebody has asked by it, as the time service does, for three
	// seconds.
	o["problems"] = slices.DeleteFunc(st.Problems, func(what string) bool { return strings.HasPrefix(what, "the gateway ") })
	pids := map[string]int{"init": b.pid}
	for _, s := range st.Services {
		o["services"] = append(o["services"], fmt.Sprintf("%s %s restarts=%d", s.Name, s.State, s.Restarts))
		pids[s.Name] = s.PID
		config, err := os.ReadFile(fmt.Sprintf("/proc/%d/fd/0", s.PID))
		if err != nil {
			b.t.Fatal(err)
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, config, "", " "); err != nil {
			b.t.Fatalf("configuration of %s: %v", s.Name, err)
		}
		o["configuration of "+s.Name] = strings.Split(pretty.String(), "\n")
	}
	b.observeDescriptors(o, pids)
}

var inode = regexp.MustCompile(`\[\d+\]`)

// observeDescriptors looks at what processes have open for longer than it takes to answer a command.
func (b *testBox) observeDescriptors(o observation, pids map[string]int) {
	b.t.Helper()
	settled := false
	for end := time.Now().Add(patience); !settled && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		settled = true
		for name, pid := range pids {
			key, now := "open in "+name, openNow(b.t, pid, b.root)
			if name == roster.NTP { // each question has a socket while it waits; those that hear LANs are in "sockets"
				now = slices.DeleteFunc(now, func(what string) bool { return strings.HasPrefix(what, "socket:") })
			}
			settled = settled && slices.Equal(o[key], now)
			o[key] = now
		}
	}
}

// openNow are the kinds of files that a process has open.
func openNow(t *testing.T, pid int, root string) (all []string) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil { // else it was closed since
			all = append(all, inode.ReplaceAllString(strings.TrimPrefix(to, root), ""))
		}
	}
	return sorted(all)
}

// processes are the services with their process ids.
func (b *testBox) processes() string {
	b.t.Helper()
	var st admin.Status
	if err := json.Unmarshal([]byte(b.gatehouse("status", "--json")), &st); err != nil {
		b.t.Fatal(err)
	}
	var all []string
	for _, s := range st.Services {
		all = append(all, fmt.Sprintf("%s=%d", s.Name, s.PID))
	}
	return strings.Join(all, " ")
}

// An ear hears of every change of rules, and of links, addresses and routes, in the kernel.
type ear struct {
	t       *testing.T
	sockets map[string]int
}

// Groups of rtnetlink(7) that tell of other things than changes: neighbours come and go with packets.
const neighbourGroup = 1 << (unix.RTNLGRP_NEIGH - 1)

func listen(b *testBox) *ear {
	b.t.Helper()
	e := &ear{b.t, map[string]int{}}
	err := b.Do(func() error {
		return errors.Join(e.open("network", unix.NETLINK_ROUTE, ^uint32(neighbourGroup)),
			e.open("rules", unix.NETLINK_NETFILTER, 1<<(unix.NFNLGRP_NFTABLES-1)))
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

func (e *ear) open(name string, protocol int, groups uint32) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return err
	}
	e.t.Cleanup(func() { unix.Close(fd) })
	e.sockets[name] = fd
	const most = 64 << 20 // as much as a long list is
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, most); err != nil {
		return err
	}
	return unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups})
}

// heard is what has been heard so far.
func (e *ear) heard() (all []string) {
	e.t.Helper()
	for name := range e.sockets {
		for _, m := range e.messages(name) {
			all = append(all, fmt.Sprintf("%s: % x", name, m[:min(len(m), 64)]))
		}
	}
	return all
}

// messages are the netlink messages that have come by a socket since the last call.
func (e *ear) messages(socket string) (all [][]byte) {
	e.t.Helper()
	b := make([]byte, 1<<17)
	for {
		n, _, err := unix.Recvfrom(e.sockets[socket], b, 0)
		if err == unix.EAGAIN {
			return all
		}
		if err != nil {
			e.t.Fatal(err)
		}
		messages, err := syscall.ParseNetlinkMessage(b[:n])
		if err != nil {
			e.t.Fatal(err)
		}
		for _, m := range messages {
			head := make([]byte, unix.NLMSG_HDRLEN)
			binary.NativeEndian.PutUint32(head, m.Header.Len)
			binary.NativeEndian.PutUint16(head[4:], m.Header.Type)
			all = append(all, append(head, m.Data...))
		}
	}
}

// isKept reports whether loads leave the elements of a set alone: those that end by themselves.
func isKept(set map[string]any) bool {
	flags, _ := set["flags"].([]any)
	return slices.Contains(flags, any("timeout"))
}
