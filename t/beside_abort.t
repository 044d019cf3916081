#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards clients that close their half of the connection once they have asked,
# or all of it: whether they are answered is what the location says, also while
# their requests are held.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Fail;

use constant N => 12;

my $t = Test::LLMBatch->new('beside client aborts')->has('llm_batch');
my $mock = $t->backend();

my $batch = <<'CONF';
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_size 64;
llm_batch_max_wait 20s;
CONF

$t->conf(<<"CONF", workers => 2);
location /ignored/ {
    $batch
    proxy_ignore_client_abort on;
    proxy_pass http://backend/;
}

location /variable/ {
    $batch
    proxy_ignore_client_abort on;
    set \$name backend;
    rewrite ^/variable(.*) \$1 break;
    proxy_pass http://\$name;
}

location /nested/ {
    proxy_ignore_client_abort on;

    location /nested/tried/ {
        $batch
        try_files \$uri \@tried;
    }
}

location \@tried {
    proxy_ignore_client_abort on;
    rewrite ^/nested/tried(.*) \$1 break;
    proxy_pass http://backend;
}

location /minded/ {
    $batch
    fastcgi_ignore_client_abort on;
    proxy_pass http://backend/;
}
CONF

$t->run();

answered($_) for qw/ ignored variable nested\/tried /;
not_answered();
gone();

$t->done();


sub one($where, $text, @more) {
	return { uri => "/$where/v1/embeddings", @more,
		body => { model => 'm', input => $text } };
}

sub asked($where, @more) {
	$mock->reset();

	return $t->plugged($mock,
		[ map { one($where, "text $_", half_close => 1) } 1 .. N ],
		like => one($where, 'plug'), @more);
}

sub answered($where) {
	my @r = asked($where);

	is_own_answer(\@r, "$where: own answers");
	is(sizes($mock), '1 ' . N, "$where: one call");
}

# those that are left when the plug is answered

sub not_answered {
	my @r = asked('minded', queued => 0, then => sub {
		wait_for { $t->metric('llm_batch_cancelled_total') >= N };
	});

	is(statuses(@r), 'closed', 'minded: nobody is answered');
	is(sizes($mock), '1', 'minded: no call');
}

# who is not there any more is in the call, and in nobody's way

sub gone {
	my $client = $t->client();
	my @left;

	$mock->reset();

	my @r = $t->plugged($mock, [ map { one('ignored', "text $_") } 1 .. N ],
		queued => N, then => sub {
			push @left, $client->start(map { one('ignored', "gone $_") }
				1 .. N);
			wait_for {
				$client->pump($left[0]);
				$t->metric('llm_batch_queue_requests') == 2 * N;
			};
			$client->abort($left[0]);
		});

	is_own_answer(\@r, 'gone: own answers of those who stay');
	is(sizes($mock), '1 ' . 2 * N, 'gone: one call for all');
}
