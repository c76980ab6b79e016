package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

func programs() []program {
	return []program{
		{"gatehouse apply", false, ours}, {"Kea config-reload", false, kea},
		{"dnsmasq SIGHUP", true, dnsmasq},
	}
}

// kea has its hosts in its configuration, as who has no database.
func kea(_ tools, w *wire.Network, dir string, n int) (instance, error) {
	conf, socket := filepath.Join(dir, "kea.conf"), filepath.Join(dir, "control")
	edit := func(n int) error { return writeKea(conf, socket, filepath.Join(dir, "leases.csv"), n) }
	cmd := exec.Command("ip", "netns", "exec", w.Server, "kea-dhcp4", "-c", conf)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir)
	return instance{
		cmd: cmd, edit: edit,
		enter: func(ctx context.Context, _ func(int)) (time.Duration, error) {
			return 0, askKea(ctx, socket, "config-reload")
		},
	}, edit(n)
}

func writeKea(path, socket, leases string, n int) error {
	reservations := make([]any, 0, n)
	for i := range n {
		h := hostAt(i)
		reservations = append(reservations, map[string]string{
			"hw-address": h.mac.String(), "ip-address": h.addr.String(), "hostname": h.name,
		})
	}
	conf, err := json.MarshalIndent(map[string]any{"Dhcp4": map[string]any{
		"interfaces-config": map[string]any{"interfaces": []string{wire.ServerLink}},
		"control-socket":    map[string]any{"socket-type": "unix", "socket-name": socket},
		"lease-database": map[string]any{"type": "memfile", "persist": true, "name": leases,
			"lfc-interval": 0},
		"valid-lifetime": int(lifetime / time.Second),
		"loggers": []any{map[string]any{
			"name": "kea-dhcp4", "severity": "FATAL", "output_options": []any{map[string]any{"output": "stderr"}},
		}},
		"subnet4": []any{map[string]any{
			"id": 1, "subnet": "10.0.0.0/8",
			"pools":        []any{map[string]any{"pool": poolFirst + "-" + poolLast}},
			"option-data":  []any{map[string]any{"name": "routers", "data": wire.ServerAddr}},
			"reservations": reservations,
		}},
	}}, "", "  ")
	return errors.Join(err, os.WriteFile(path, conf, 0o600))
}

// askKea gives a command, and waits until it is done.
func askKea(ctx context.Context, socket, command string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, `{"command": %q}`, command); err != nil {
		return err
	}
	said, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	var answer struct {
		Result int
		Text   string
	}
	if err := json.Unmarshal(said, &answer); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, said)
	}
	if answer.Result != 0 {
		return fmt.Errorf("%s: %s", command, answer.Text)
	}
	return nil
}

// dnsmasq has its hosts in the file of --dhcp-hostsfile, which it reads anew on SIGHUP. It is DHCP server
// only.
func dnsmasq(_ tools, w *wire.Network, dir string, n int) (instance, error) {
	hosts := filepath.Join(dir, "hosts")
	edit := func(n int) error { return writeDnsmasq(hosts, n) }
	cmd := exec.Command("ip", "netns", "exec", w.Server, "dnsmasq", "--keep-in-foreground",
		"--conf-file=/dev/null", "--port=0", "--user=root", "--pid-file=", "--quiet-dhcp", "--no-ping",
		"--interface="+wire.ServerLink, "--dhcp-range="+poolFirst+","+poolLast+",255.0.0.0,1h",
		"--dhcp-lease-max=2000000", "--dhcp-authoritative", "--dhcp-leasefile="+filepath.Join(dir, "leases"),
		"--dhcp-hostsfile="+hosts)
	return instance{
		cmd: cmd, edit: edit,
		enter: func(context.Context, func(int)) (time.Duration, error) {
			return 0,
				cmd.Process.Signal(syscall.SIGHUP)
		},
	}, edit(n)
}

func writeDnsmasq(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for i := range n {
		h := hostAt(i)
		fmt.Fprintf(w, "%s,%s,%s,1h\n", h.mac, h.addr, h.name)
	}
	return errors.Join(w.Flush(), f.Close())
}
