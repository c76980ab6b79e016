# The hosts around the appliance, each a network namespace on one of dom0's bridges. Sourced by sh(1) once; $key is
# the private key for the appliance, $truetime the program of that name.

# plug NAME BRIDGE MAC: a host without an address.
plug() {
	ip netns add "$1"
	ip link add "$1" type veth peer name eth0 address "$3" netns "$1"
	ip link set "$1" master "$2" up
	ip -n "$1" link set lo up
	ip -n "$1" link set eth0 up
}

# The provider's router, and a web server beyond it that also tells who asks.
plug provider xenbr0 00:00:5e:00:53:f0
ip -n provider address add 192.0.2.1/24 dev eth0
ip -n provider address add 198.51.100.1/32 dev eth0
mkdir -p /srv/www/cgi-bin
printf '#!/bin/sh\nprintf "Content-type: text/plain\\r\\n\\r\\n%%s" "$REMOTE_ADDR"\n' >/srv/www/cgi-bin/peer
chmod +x /srv/www/cgi-bin/peer
head -c 1000000 /dev/urandom >/srv/www/megabyte
ip netns exec provider busybox httpd -h /srv/www -p 198.51.100.1:80
ip netns exec provider busybox nc -ll -p 7 -e cat </dev/null >/dev/null 2>&1 &

# The time server of the reference site.
ip -n provider address add 192.0.2.123/32 dev eth0
ip netns exec provider $truetime serve 192.0.2.123 </dev/null >/run/asked 2>&1 &

# provide ADDRESS: from now on the provider leases this address, and no other. /run/provider has what dnsmasq does.
cat >/usr/local/sbin/provide <<'END'
#!/bin/sh
while pid=$(pidof dnsmasq); do kill $pid; sleep 0.1; done
exec ip netns exec provider dnsmasq --conf-file=/dev/null --user=root --pid-file= --log-facility=/run/provider --port=0 \
	--interface=eth0 --bind-interfaces --leasefile-ro --dhcp-authoritative --no-ping \
	--dhcp-range="$1,$1,255.255.255.0,1h" --dhcp-option=option:router,192.0.2.1
END

# Hosts of the LAN: one with a fixed address, from which people log in, and two for DHCP.
plug store xenbr1 00:16:3e:20:00:10
ip -n store address add 192.168.32.10/24 dev eth0
plug laptop xenbr1 00:00:5e:00:53:21
ip netns exec laptop busybox httpd -h /srv/www -p 8080
plug guest xenbr1 00:00:5e:00:53:22

# What a client's DHCP program runs: address, default route, and a note of what it was told.
cat >/usr/local/sbin/leased <<'END'
#!/bin/sh
case $1 in bound | renew) ;; *) exit 0 ;; esac
ip address replace "$ip/$mask" dev "$interface"
ip route replace default via "$router"
env >"/run/$1.$(ip netns identify $$)"
END

# fw COMMAND: ssh to the appliance. The first time it takes the host key, which must then stay the same. An appliance
# that is gone fails it after 30 s.
cat >/usr/local/sbin/fw <<END
#!/bin/sh
exec ip netns exec store ssh -F none -i $key -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile=/root/known_hosts \\
	-o StrictHostKeyChecking=accept-new -o LogLevel=ERROR -o ConnectTimeout=5 \\
	-o ServerAliveInterval=10 admin@192.168.32.1 "\$1"
END
chmod +x /usr/local/sbin/*
