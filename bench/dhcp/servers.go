package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// The pool that everybody serves.
const (
	poolFirst = "10.1.0.0"
	poolLast  = "10.200.255.255"
	lifetime  = time.Hour
)

// A program is one of those compared.
type program struct {
	name string
	// command returns how to start it with its files in dir.
	command func(dir string) (command, error)
	// fill makes it have n leases when it is started with its files in dir.
	fill func(dir string, n int) error
}

type command struct {
	args, env []string
	stdin     []byte
}

// build makes the appliance's program, without the u-root commands, which no service uses.
func build(ctx context.Context, output string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", output,
		"./appliance/cmd/gatehouse")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building gatehouse: %w\n%s", err, out)
	}
	return nil
}

func benchConfig() dhcp.Config {
	ip := netip.MustParseAddr
	return dhcp.Config{Subnets: []dhcp.Subnet{{
		Name: "bench", Interface: wire.ServerLink, Address: ip(wire.ServerAddr),
		Prefix: netip.MustParsePrefix("10.0.0.0/8"), Router: ip(wire.ServerAddr),
		Pool: []lease.Range{{First: ip(poolFirst), Last: ip(poolLast)}}, LeaseTime: lifetime,
	}}}
}

// ours is the service as the appliance starts it, in a root directory of its own.
func ours(name, binary string) program {
	const user, state = 501, "perm/dhcp"
	return program{name,
		func(dir string) (command, error) {
			config, err := json.Marshal(benchConfig())
			err = errors.Join(err, os.Chmod(dir, 0o755), os.MkdirAll(filepath.Join(dir, "etc"), 0o755),
				os.MkdirAll(filepath.Join(dir, "run/gatehouse"), 0o755),
				os.MkdirAll(filepath.Join(dir, state), 0o755),
				copyFile(binary, filepath.Join(dir, "gatehouse")), os.WriteFile(filepath.Join(dir, "etc/passwd"),
					fmt.Appendf(nil, "dhcp:x:%d:%[1]d::/:/bin/false\n", user), 0o644))
			for _, f := range []string{state, filepath.Join(state, leasefile.Name)} {
				if err := os.Chown(filepath.Join(dir, f), user, user); err != nil &&
					!errors.Is(err, os.ErrNotExist) {
					return command{}, err
				}
			}
			return command{args: []string{"chroot", dir, "/gatehouse", "service", "dhcp"}, stdin: config}, err
		},
		func(dir string, n int) error {
			if err := os.MkdirAll(filepath.Join(dir, state), 0o755); err != nil {
				return err
			}
			j, _, err := leasefile.Open(leasefile.Dir(filepath.Join(dir, state)), func(lease.Lease) {})
			if err != nil {
				return err
			}
			now := time.Now()
			for i := range n {
				addr, mac := holder(i)
				j.Append(lease.Lease{Addr: addr, MAC: mac, State: lease.Bound, Since: now,
					Until: now.Add(lifetime).Truncate(time.Second)})
			}
			return errors.Join(j.Sync(), j.Close())
		},
	}
}

// holder returns the i-th address of the pool and the card that has it.
func holder(i int) (netip.Addr, lease.MAC) {
	var addr [4]byte
	binary.BigEndian.PutUint32(addr[:], 10<<24|1<<16+uint32(i))
	mac := lease.MAC{0, 0x16}
	binary.BigEndian.PutUint32(mac[2:], 0x3e<<24|uint32(i))
	return netip.AddrFrom4(addr), mac
}

func copyFile(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	b, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(to, b, 0o755))
}

func kea() program {
	leases := func(dir string) string { return filepath.Join(dir, "leases.csv") }
	return program{"Kea memfile",
		func(dir string) (command, error) {
			conf, err := json.Marshal(map[string]any{"Dhcp4": map[string]any{
				"interfaces-config": map[string]any{"interfaces": []string{wire.ServerLink}},
				"lease-database": map[string]any{"type": "memfile", "persist": true, "name": leases(dir),
					"lfc-interval": 0},
				"valid-lifetime": int(lifetime / time.Second),
				"loggers": []any{map[string]any{"name": "kea-dhcp4", "severity": "FATAL",
					"output_options": []any{map[string]any{"output": "stderr"}}}},
				"subnet4": []any{map[string]any{"id": 1, "subnet": "10.0.0.0/8",
					"pools":       []any{map[string]any{"pool": poolFirst + "-" + poolLast}},
					"option-data": []any{map[string]any{"name": "routers", "data": wire.ServerAddr}}}},
			}})
			path := filepath.Join(dir, "kea.conf")
			err = errors.Join(err, os.WriteFile(path, conf, 0o600))
			return command{args: []string{"kea-dhcp4", "-c", path},
				env: []string{"KEA_PIDFILE_DIR=" + dir, "KEA_LOCKFILE_DIR=" + dir}}, err
		},
		func(dir string, n int) error {
			const header = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
			until := time.Now().Add(lifetime).Unix()
			return lines(leases(dir), header, n, func(i int) string {
				addr, mac := holder(i)
				return fmt.Sprintf("%s,%s,,%d,%d,1,0,0,,0,", addr, mac, int(lifetime/time.Second), until)
			})
		},
	}
}

func dnsmasq() program {
	leases := func(dir string) string { return filepath.Join(dir, "leases") }
	return program{"dnsmasq",
		func(dir string) (command, error) {
			return command{args: []string{"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
				"--port=0", "--user=root", "--pid-file=", "--quiet-dhcp", "--no-ping", "--interface=" +
					wire.ServerLink, "--dhcp-range=" + poolFirst + "," + poolLast +
					",255.0.0.0,1h", "--dhcp-lease-max=2000000", "--dhcp-authoritative", "--dhcp-leasefile=" +
					leases(dir)}}, nil
		},
		func(dir string, n int) error {
			until := time.Now().Add(lifetime).Unix()
			return lines(leases(dir), "", n, func(i int) string {
				addr, mac := holder(i)
				return fmt.Sprintf("%d %s %s * *", until, mac, addr)
			})
		},
	}
}

// lines writes a file of n lines below a header.
func lines(path, header string, n int, line func(i int) string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	if header != "" {
		fmt.Fprintln(w, header)
	}
	for i := range n {
		fmt.Fprintln(w, line(i))
	}
	return errors.Join(w.Flush(), f.Close())
}
