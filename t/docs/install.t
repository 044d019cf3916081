#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the words of README.md: in a Debian that has just been installed, its
# commands are run, and its configurations and conf.example are served, as they
# stand there.  For "make docs-install", by root, with debootstrap.
#
# The Debian is kept in the cache, and so are packages.  nginx listens where
# README.md says, in a network of its own.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Path qw/ make_path remove_tree /;

use Test::LLMBatch;
use Test::LLMBatch::Backend;
use Test::LLMBatch::Client;
use Test::LLMBatch::Proc qw/ poll slurp /;

plan(skip_all => 'not root') if $> != 0;
plan(skip_all => 'no debootstrap')
	if system('command -v debootstrap > /dev/null') != 0;

my $top = "$FindBin::Bin/../..";
my $cache = ($ENV{XDG_CACHE_HOME} // "$ENV{HOME}/.cache") . '/llm-batch';
my $image = "$cache/bookworm.tar";
my $packages = "$cache/bookworm-packages";

my $root = "$cache/bookworm-root";
my $readme = slurp("$top/README.md");

# mounts that end with this process

exec('unshare', '-m', $^X, $0) or die "unshare: $!\n"
	unless $ENV{LLMB_MOUNTS}++;

# what needs the network is done first, then all begins again without one

if (!$ENV{LLMB_INSTALLED}) {
	prepare();
	unpack_root();

	my ($commands) = blocks("A dynamic module for Debian's nginx", 'sh');

	$ENV{LLMB_INSTALLED} = in_root("apt-get -qq update\n",
		"cd /src\n$commands") ? 'yes' : 'no';
	exec('unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"',
		'sh', $^X, $0) or die "unshare: $!\n";
}

is($ENV{LLMB_INSTALLED}, 'yes', 'Installation: the commands');

my ($load) = blocks("A dynamic module for Debian's nginx", 'nginx');
my ($start) = $readme =~ /^Then `(nginx -t && [^`]*)`/m;
my $conf = "$root/etc/nginx/nginx.conf";

like($load, qr/^load_module/, 'Installation: the line is found');
isnt($start // '', '', 'Installation: the last command is found');

mkdir "$root/tmp/mock";

my $mock = Test::LLMBatch::Backend->new(addr => '127.0.0.1', port => 8080,
	dir => "$root/tmp/mock", script => { delay => 0.05 });

# behind what Debian has in its file

started('Installation', $load . slurp($conf), sub ($pid) {
	like(slurp("/proc/$pid/maps"), qr/ngx_http_llm_batch_module\.so$/m,
		'Installation: it is loaded');
});

my ($synopsis) = blocks('Synopsis', 'nginx');
started('Synopsis', $synopsis, sub ($pid) { served('Synopsis') });

started('conf.example', slurp("$top/conf.example"), sub ($pid) {
	served('conf.example');
	isnt(slurp("$root/var/log/nginx/llm.log"), '', 'conf.example: log');
});

done_testing();


# the blocks of code, of a language, in a section

sub blocks ($heading, $language) {
	# lines that begin with # in blocks of code are no headings

	my ($text) = $readme
		=~ /^#+ \Q$heading\E\n((?:```.*?^```\n|(?!#).*?\n)*)/ms
		or die "no section: $heading\n";

	return $text =~ /^```$language\n(.*?)^```$/gms;
}

sub prepare () {
	return if -f $image;

	my $new = "$image.$$";

	command('debootstrap', '--variant=minbase',
		'--include=ca-certificates', 'bookworm', $new, mirror());
	write_file("$new/etc/apt/sources.list", join '', map { "$_\n" }
		'deb ' . mirror() . ' bookworm main',
		'deb ' . mirror() =~ s!/debian/?$!/debian-security!r
			. ' bookworm-security main');
	write_file("$new/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n");
	chmod 0755, "$new/usr/sbin/policy-rc.d";
	command('tar', '-C', $new, '-cf', "$new.tar", '.');
	remove_tree($new);
	rename "$new.tar", $image or die "$image: $!\n";
}

# where this machine has its packages from

sub mirror () {
	for my $file (glob '/etc/apt/sources.list /etc/apt/sources.list.d/*') {
		return $1 if slurp($file)
			=~ m!^(?:URIs:|deb(?: \[[^\]]*\])?) +(\S+/debian)/?(?:\s|$)!m;
	}

	return 'http://deb.debian.org/debian';
}

sub unpack_root () {
	remove_tree($root);
	make_path($root, $packages);
	command('tar', '-C', $root, '-xf', $image);
	make_path("$root/src");
	command('sh', '-c', 'cd "$1" && tar -c --exclude=.git . | tar -x -C "$2"',
		'sh', $top, "$root/src");
	command('cp', '/etc/resolv.conf', "$root/etc/resolv.conf");
	command('mount', '--bind', $packages, "$root/var/cache/apt/archives");
	command('mount', '-t', 'proc', 'proc', "$root/proc");
	command('mount', '--bind', '/dev', "$root/dev");
}

# as root, so nothing has to be asked of sudo; and there is no service manager

sub in_root (@text) {
	write_file("$root/tmp/commands", join '', <<'END', @text);
set -eu
export DEBIAN_FRONTEND=noninteractive HOME=/root APT_CONFIG=/tmp/apt.conf
unset MAKEFLAGS MAKELEVEL MFLAGS XDG_CACHE_HOME
sudo() { "$@"; }
systemctl() { [ "$*" = 'restart nginx' ] && nginx; }
END
	write_file("$root/tmp/apt.conf", qq(APT::Get::Assume-Yes "1";\n)
		. qq(Binary::apt-get::APT::Keep-Downloaded-Packages "1";\n)
		. qq(APT::Keep-Downloaded-Packages "1";\n));

	my $log = "$root/tmp/log";

	return 1 if system("chroot $root sh /tmp/commands > $log 2>&1") == 0;

	diag(@text, slurp($log));
	return 0;
}

# nginx with this file, as README.md starts it, for as long as "run" takes

sub started ($name, $text, $run) {
	my $as_shipped = slurp($conf);

	write_file($conf, $text);

	ok(in_root("$start\n"), "$name: $start") or return;

	my $pid;
	poll(sub { ($pid) = slurp("$root/run/nginx.pid") =~ /^(\d+)$/m }, 10);
	ok($pid, "$name: it runs") or return;

	$run->($pid);

	kill 'QUIT', $pid;
	ok(poll(sub { !kill 0, $pid }, 20), "$name: it quits");
	unlike(slurp("$root/var/log/nginx/error.log"),
		qr/\[(?:emerg|alert|crit)\]/, "$name: error log");

	write_file($conf, $as_shipped);
}

sub served ($name) {
	my $client = Test::LLMBatch::Client->new(addr => '127.0.0.1',
		port => 8000);

	$mock->reset();

	my @r = $client->burst(64, '/v1/embeddings', sub ($i) {
		{ model => 'm', input => "text $i" }
	});

	is_own_answer(\@r, "$name: answers");
	cmp_ok($mock->count(), '<', 64, "$name: calls");
	is($client->request({ uri => '/llm-batch' })->{status}, 200,
		"$name: status page");
}

sub command (@command) {
	system(@command) == 0 or die "failed: @command\n";
}

sub write_file ($name, $text) {
	open my $fh, '>', $name or die "$name: $!\n";
	print $fh $text;
	close $fh or die "$name: $!\n";
}
