/* What can go wrong with orders. */
#ifndef GATEHOUSE_CORE_ORDER_PROBLEMS_H
#define GATEHOUSE_CORE_ORDER_PROBLEMS_H

#include "core/base/problem.h"

#define ORDER_PROBLEMS(X)                                                                          \
    X(E_ORDERS_FULL, "orders-full", "busy, try again later",                                       \
      "As many orders as orders.pending allows are open. See which peer they wait for with "       \
      "`gatehousectl orders list`; raise the limit if all is well.")                               \
    X(E_ORDER_EXPIRED, "order-expired", "the request is too old",                                  \
      "The order could not be carried out in the time that orders.lifetime allows. The pledge "    \
      "must ask again with a new request.")                                                        \
    X(E_ORDER_DECLINED, "order-declined", "not allowed",                                           \
      "An administrator declined this order; the timeline says who.")
DECLARE_PROBLEMS(order_problems, ORDER_PROBLEMS)

#endif
