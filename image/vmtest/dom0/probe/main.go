// Command probe is a whole guest of a Xen host: the init of a machine that gets an address by DHCP behind
// netfront, looks at the checksums of what it is sent, fetches something through the router, says all that in
// one line on its console, and powers off.
//
// Its DHCP client reads from a packet socket, as most do, and sees datagrams as the other guest has sent
// them: between guests nobody computes a checksum that was left to hardware. What it fetches is the URL
// behind probe= on the kernel's command line.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// report is what the guest says of itself; the harness reads the same.
type report struct {
	Addr      string `json:"addr"`
	Hostname  string `json:"hostname"`
	RootPath  string `json:"root_path"`
	Initiator string `json:"initiator"` // option 203
	Checksums []bool `json:"checksums"` // of each datagram to the DHCP client: there and right
	Fetched   string `json:"fetched"`   // SHA-256 of what the URL gave
	Error     string `json:"error,omitempty"`
}

const (
	device    = "eth0"
	patience  = 2 * time.Minute
	initiator = 203 // iSCSI initiator name, as iPXE numbers it
)

func main() {
	var r report
	if err := r.run(); err != nil {
		r.Error = err.Error()
	}
	line, _ := json.Marshal(r) // of strings and bools
	fmt.Printf("\nPROBE %s\n", line)
	time.Sleep(100 * time.Millisecond) // the console is written behind our back
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func (r *report) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	link, err := bringUp(ctx)
	if err != nil {
		return err
	}
	c, err := newClient(link.Attrs().Index, link.Attrs().HardwareAddr)
	if err != nil {
		return err
	}
	ack, err := c.lease(ctx)
	r.Checksums = c.checksums
	if err != nil {
		return fmt.Errorf("DHCP: %w", err)
	}
	r.Addr, r.Hostname, r.RootPath = ack.YourIPAddr.String(), ack.HostName(), ack.RootPath()
	r.Initiator = string(ack.Options.Get(dhcpv4.GenericOptionCode(initiator)))
	if err := configure(link, ack); err != nil {
		return err
	}
	r.Fetched, err = fetch(ctx)
	return err
}

// bringUp waits for the card, which the kernel finds while init starts.
func bringUp(ctx context.Context) (netlink.Link, error) {
	for {
		link, err := netlink.LinkByName(device)
		if err == nil {
			return link, netlink.LinkSetUp(link)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// configure does what the lease says.
func configure(link netlink.Link, ack *dhcpv4.DHCPv4) error {
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: ack.YourIPAddr, Mask: ack.SubnetMask()}}
	if err := netlink.AddrAdd(link, addr); err != nil {
		return fmt.Errorf("address %s: %w", addr, err)
	}
	if len(ack.Router()) != 1 {
		return fmt.Errorf("routers %v, want one", ack.Router())
	}
	if err := netlink.RouteAdd(&netlink.Route{Gw: ack.Router()[0]}); err != nil {
		return fmt.Errorf("default route: %w", err)
	}
	return nil
}

// fetch gives the hash of what the URL on the command line has.
func fetch(ctx context.Context) (string, error) {
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return "", &os.PathError{Op: "mount", Path: "/proc", Err: err}
	}
	cmdline, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return "", err
	}
	var url string
	for _, word := range strings.Fields(string(cmdline)) {
		if value, ok := strings.CutPrefix(word, "probe="); ok {
			url = value
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, response.Body)
	if response.StatusCode != http.StatusOK {
		err = errors.Join(err, errors.New(response.Status))
	}
	return hex.EncodeToString(hash.Sum(nil)), err
}
