package Measure;

# What bench/scheduler and bench/lock measure with: nginx in front of a backend with a cost,
# requests at random times, and figures of their times.

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(programs setup setup_sites site get backend stats group
	status access_log load clients wait_load finish quantile median after before);

my ($programs, $nginx, $module, $dir);
my $main = $$;
my (%pids, @sites, $backend, $port);

$SIG{INT} = $SIG{TERM} = sub { exit 1 };
$| = 1;


# where they are: "open" and "backend", nginx, the module

sub programs {
	($programs, $nginx, $module) = @_;
	$dir = tempdir('/tmp/llm-batch-measure.XXXXXX');
	chmod 0755, $dir;
}


sub stop {
	kill 'TERM', keys %pids;
	waitpid $_, 0 for keys %pids;
	%pids = ();
}


END {
	my $status = $?;

	if ($dir && $$ == $main) {
		stop();
		remove_tree($dir);
	}

	$? = $status;
}


# starts a program; its output goes to a file, if there is one

sub start {
	my ($output, @command) = @_;
	my $pid = fork // die "fork: $!\n";

	if ($pid == 0) {
		open STDOUT, '>', $output or die "$output: $!\n" if $output;
		exec @command or POSIX::_exit(1);
	}

	$pids{$pid} = 1;

	return $pid;
}


sub connection {
	return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $_[0]);
}


sub free_port {
	while (1) {
		my $p = 20000 + int rand 10000;

		return $p if !connection($p);
	}
}


sub wait_for {
	my ($p) = @_;
	my $end = time + 10;

	until (connection($p)) {
		die "nothing listens on $p\n" if time > $end;
		sleep 0.02;
	}
}


sub get {
	my ($p, $uri) = @_;
	my $s = connection($p) or die "connect: $!\n";

	print $s "GET $uri HTTP/1.0\r\n\r\n";

	my ($text, $need) = ('');

	while (sysread $s, $text, 65536, length $text) {
		last if $text =~ /\r\n\r\n(.*)/s
			&& $text =~ /^content-length: *(\d+)/mi
			&& length((split /\r\n\r\n/, $text, 2)[1]) >= $1;
	}

	return decode_json((split /\r\n\r\n/, $text, 2)[1]);
}


# nginx with these directives for the location, in front of a backend; a word
# "ACCESS_LOG" there turns on the log that access_log() reads

sub setup {
	my ($cost, $directives, $workers, $size) = @_;

	setup_sites([[$cost, $directives]], $workers, $size);
}


# the same with several, each with a backend of its own, in one nginx; the first
# is the one that loads and numbers are of

sub setup_sites {
	my ($of, $workers, $size) = @_;

	stop();
	unlink "$dir/nginx.log", "$dir/access.log";
	$workers ||= 2;
	$size ||= '64m';
	@sites = ();

	for my $site (@$of) {
		my ($cost, $directives) = @$site;

		$directives =~ s/ACCESS_LOG/access_log $dir\/access.log wait;/;
		$backend = free_port();
		start('', "$programs/backend", $backend, 16, @$cost);
		wait_for($backend);
		push @sites, { backend => $backend, directives => $directives };
	}

	for my $site (@sites) {
		do {
			$site->{port} = free_port();
		} while (grep { $_ != $site && ($_->{port} // 0) == $site->{port} }
			@sites);
	}

	my $servers = join '', map { server($_) } @sites;

	open my $fh, '>', "$dir/nginx.conf" or die "$dir: $!\n";
	print $fh <<"END";
load_module $module;
daemon            off;
worker_processes  $workers;
pid               $dir/nginx.pid;
error_log         $dir/nginx.log warn;

events {
    worker_connections  8192;
}

http {
    log_format  wait  '\$llm_batch_id \$llm_batch_wait \$llm_batch_close';
    access_log  off;

    client_body_temp_path  $dir/body;
    proxy_temp_path        $dir/proxy;
    fastcgi_temp_path      $dir/fastcgi;
    uwsgi_temp_path        $dir/uwsgi;
    scgi_temp_path         $dir/scgi;
    keepalive_requests     100000000;
    llm_batch_zone         zone=llm:$size;

$servers
}
END
	close $fh;

	start('', $nginx, '-p', $dir, '-c', "$dir/nginx.conf", '-e',
		"$dir/nginx.log");
	wait_for($_->{port}) for @sites;
	site(0);
}


sub server {
	my ($site) = @_;

	return <<"END";
    upstream backend_$site->{backend} {
        server              127.0.0.1:$site->{backend};
        keepalive           256;
        keepalive_requests  100000000;
    }

    server {
        listen  127.0.0.1:$site->{port} reuseport;

        llm_batch  zone=llm;

        location /v1/ {
            proxy_http_version  1.1;
            proxy_set_header    Connection "";
            proxy_pass          http://backend_$site->{backend};
            $site->{directives}
        }

        # by error_page, the 429 that is not the backend's
        location = /own {
            internal;
            return  430;
        }

        location = /status {
            llm_batch_status;
        }
    }
END
}


# loads and numbers are of this one from now on

sub site {
	my ($n) = @_;

	($backend, $port) = @{$sites[$n]}{'backend', 'port'};
}


# stops all; the lines of nginx's error log

sub finish {
	stop();
	open my $fh, '<', "$dir/nginx.log" or die "nginx.log: $!\n";

	return <$fh>;
}


# the backend's numbers; a uri of "/cost/..." or "/refuse/..." changes it

sub backend { return get($backend, $_[0]) }


sub stats { return backend('/stats') }


sub status { return get($port, '/status?format=json') }


# the only group there is; nothing if there is none yet

sub group {
	my $zone = status()->{zones}{llm};

	return $zone->{groups}[0] || {};
}


# lines of id, wait and reason for closing, as lists

sub access_log {
	open my $fh, '<', "$dir/access.log" or die "access.log: $!\n";

	return map { [split] } <$fh>;
}


my $loads = 0;
my $body = '{"model":"m","input":"a text to embed, the #th"}';

# starts requests, perhaps with another body than the usual one; their lines go
# to the file that is returned

sub load {
	my ($rate, $time, @options) = @_;
	my $text = $body;

	$text = shift @options if @options && $options[0] =~ /^\{/;

	return run('open', '-l', '-e', @options, $port, '/v1/embeddings', $rate,
		$time, $text);
}


# starts clients that send their next request when they have an answer

sub clients {
	my ($conns, $time, @header) = @_;

	return run('load', $port, '/v1/embeddings', $conns, $time, $body,
		@header);
}


sub run {
	my ($program, @arguments) = @_;
	my $file = "$dir/load" . $loads++;
	my $pid = start($file, "$programs/$program", @arguments);

	return { pid => $pid, file => $file, since => time };
}


# waits for a load; meanwhile a function is called each 100 ms, with the time

sub wait_load {
	my ($load, $each) = @_;

	while (waitpid($load->{pid}, WNOHANG) == 0) {
		$each->(time - $load->{since}) if $each;
		sleep 0.1;
	}

	die "a load ended with $?\n" if $?;
	delete $pids{$load->{pid}};

	open my $fh, '<', $load->{file} or die "$load->{file}: $!\n";

	my @lines = map { [split] } <$fh>;

	unlink $load->{file};

	return \@lines;
}


# in milliseconds

sub quantile {
	my ($share, $lines) = @_;
	my @t = sort { $a <=> $b } map { $_->[1] / 1000 } @$lines;

	return @t ? $t[@t * $share] : 0;
}


sub median {
	my @v = sort { $a <=> $b } @_;

	return @v ? $v[@v / 2] : 0;
}


sub after { my ($from, $l) = @_; return [grep { $_->[0] >= $from * 1e6 } @$l] }
sub before { my ($to, $l) = @_; return [grep { $_->[0] < $to * 1e6 } @$l] }


1;
